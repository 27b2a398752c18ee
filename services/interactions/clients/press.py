"""Has templates rendered and sheets printed in a child process, where none can do harm."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chassis.confined.parent import Confined, Overgrown
from chassis.errors import FieldViolation, InvalidArgument
from services.interactions.domain.proposals import rendering
from services.interactions.domain.proposals.sheets import Sheet
from services.interactions.domain.proposals.templates import SAMPLE, Block

WALL_SECONDS = 25.0


class Press:
    """Renders templates of proposals and prints them."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        self._child = Confined("services.interactions.press", "press", wall_seconds)

    async def admit(self, blocks: Sequence[Block], field: str) -> None:
        """Raises `InvalidArgument` TEMPLATE_REFUSED unless the blocks are sound for everybody.

        They are rendered with the largest values and with none; `field` is where they stand.
        """
        largest = dict.fromkeys(SAMPLE, "M" * rendering.LONGEST_VALUE)
        await self._rendered(blocks, [largest, {}], field)

    async def render(
        self, blocks: Sequence[Block], values: Mapping[str, str], field: str
    ) -> list[Block]:
        """Returns the blocks with the values in place; raises as `admit`."""
        ((*parts,),) = await self._rendered(blocks, [values], field)
        return [
            replace(block, heading=part["heading"], text=part["text"])
            for block, part in zip(blocks, parts, strict=True)
        ]

    async def print(self, sheet: Sheet) -> bytes:
        """Returns a sheet as PDF."""
        answer = await self._answer({"sheet": sheet})
        if "pdf" not in answer:
            raise _refused("proposal", answer["refusal"]["reason"])
        return base64.b64decode(answer["pdf"])

    async def _rendered(
        self, blocks: Sequence[Block], values: Sequence[Mapping[str, str]], field: str
    ) -> Sequence[Sequence[Mapping[str, str]]]:
        parts = [{"heading": it.heading, "text": it.text} for it in blocks]
        job = {"blocks": parts, "values": list(values), "known": sorted(SAMPLE)}
        answer = await self._answer(job)
        refusal = answer.get("refusal")
        if refusal:
            place = refusal["field"].removeprefix("blocks")
            raise _refused(f"{field}{place}", refusal["reason"])
        rendered: Sequence[Sequence[Mapping[str, str]]] = answer["rendered"]
        return rendered

    async def _answer(self, job: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return await self._child.answer(job)
        except Overgrown as overgrown:
            return {"refusal": {"field": "", "reason": str(overgrown)}}


def _refused(field: str, reason: str) -> InvalidArgument:
    return InvalidArgument(
        "TEMPLATE_REFUSED",
        "the template cannot be used",
        violations=[FieldViolation(field, reason)],
    )
