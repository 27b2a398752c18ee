"""Has messages rendered in a child process, where one that grows for ever does no harm."""

from collections.abc import Mapping, Sequence
from typing import Any

from chassis.confined.parent import Confined, Overgrown
from chassis.errors import FieldViolation, InvalidArgument
from services.interactions.domain import rendering
from services.interactions.domain.rendering import Refusal

WALL_SECONDS = 8.0

Rendered = Mapping[str, str] | Refusal
"""A person's message by part, or why there is none."""


class Renderer:
    """Renders messages of follow-ups."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        self._child = Confined("services.interactions.admission", "renderer", wall_seconds)

    async def admit(self, parts: Mapping[str, str], limits: Mapping[str, int]) -> None:
        """Raises `InvalidArgument` TEMPLATE_REFUSED, naming part and line, unless all is sound.

        It is rendered with the largest values and with sample ones.
        """
        values = [rendering.largest_values(), dict.fromkeys(rendering.VARIABLES, "Mẫu")]
        answer = await self._answer(parts, limits, values)
        refusals = [_refusal(answer), *map(_refusal, answer.get("rendered", ()))]
        refusal = next(filter(None, refusals), None)
        if refusal is not None:
            fields = [refusal.field] if refusal.field else list(parts)
            raise _refused({field: refusal.text for field in fields})
        unknown: Mapping[str, str] = answer["unknown"]
        if unknown:
            raise _refused(
                {part: f"unknown variable {name!r}" for name, part in sorted(unknown.items())}
            )

    async def render(
        self,
        parts: Mapping[str, str],
        limits: Mapping[str, int],
        values: Sequence[Mapping[str, str]],
    ) -> list[Rendered]:
        """Return what each person would get, in the order of `values`."""
        answer = await self._answer(parts, limits, values)
        whole = _refusal(answer)
        if whole is not None:
            return [whole for _ in values]
        return [_refusal(each) or each for each in answer["rendered"]]

    async def _answer(
        self,
        parts: Mapping[str, str],
        limits: Mapping[str, int],
        values: Sequence[Mapping[str, str]],
    ) -> dict[str, Any]:
        job = {"parts": dict(parts), "limits": dict(limits), "values": list(values)}
        try:
            return await self._child.answer(job)
        except Overgrown as overgrown:
            return {"refusal": {"field": "", "reason": str(overgrown), "line": 0}}


def _refusal(answer: Mapping[str, Any]) -> Refusal | None:
    found = answer.get("refusal")
    return Refusal(**found) if found else None


def _refused(wrong: Mapping[str, str]) -> InvalidArgument:
    return InvalidArgument(
        "TEMPLATE_REFUSED",
        "the message cannot be used",
        violations=[
            FieldViolation(f"follow_up.message.{field}", why) for field, why in wrong.items()
        ],
    )
