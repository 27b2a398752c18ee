"""Has templates rendered and sheets printed in a child process, where none can do harm."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chassis.errors import FieldViolation, InvalidArgument, Unavailable
from services.interactions.domain.proposals import rendering
from services.interactions.domain.proposals.sheets import Sheet
from services.interactions.domain.proposals.templates import SAMPLE, Block

# The child's own processor time is bounded far below; this much passes only on a busy machine.
WALL_SECONDS = 25.0
_AT_ONCE = 2
_MODULE = "services.interactions.press"
_TOO_LARGE = "grows too large or runs for too long"


class Press:
    """Starts a child a job, two at a time so that templates cannot take the whole machine."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._turns = asyncio.Semaphore(_AT_ONCE)

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
        async with self._turns:
            ended = await _run(json.dumps(job).encode(), self._wall_seconds)
        if ended is None or ended[0] > 0:
            raise Unavailable("PEER_UNAVAILABLE", "nothing can be rendered now", peer="press")
        if ended[0] < 0:
            return {"refusal": {"field": "", "reason": _TOO_LARGE}}
        answer: dict[str, Any] = json.loads(ended[1])
        return answer


async def _run(job: bytes, wall_seconds: float) -> tuple[int, bytes] | None:
    """Returns the child's exit code (negative: a signal) and output; None when it took too long.

    It is not the event loop's child: uvloop runs the handlers that gRPC has for a fork.
    """
    child = subprocess.Popen(  # noqa: ASYNC220 (it returns as soon as the child was made)
        [sys.executable, "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Nothing of this process's environment: it holds secrets.
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LANG": "C.UTF-8"},
    )
    talking = asyncio.ensure_future(asyncio.to_thread(child.communicate, job))
    try:
        async with asyncio.timeout(wall_seconds):
            output, _ = await asyncio.shield(talking)
    except TimeoutError:
        return None
    finally:
        if child.poll() is None:
            child.kill()
        await asyncio.gather(talking, return_exceptions=True)
    return child.returncode, output


def _refused(field: str, reason: str) -> InvalidArgument:
    return InvalidArgument(
        "TEMPLATE_REFUSED",
        "the template cannot be used",
        violations=[FieldViolation(field, reason)],
    )
