"""Has messages rendered in a child process, where one that grows for ever does no harm."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from chassis.errors import FieldViolation, InvalidArgument, Unavailable
from services.interactions.domain import rendering
from services.interactions.domain.rendering import Refusal

# The child's own processor time is bounded far below; this much passes only on a busy machine.
WALL_SECONDS = 8.0
_AT_ONCE = 2
_MODULE = "services.interactions.admission"
_TOO_LARGE = "grows too large or runs for too long"

Rendered = Mapping[str, str] | Refusal
"""A person's message by part, or why there is none."""


class Renderer:
    """Starts a child a job, two at a time so that templates cannot take the whole machine."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._turns = asyncio.Semaphore(_AT_ONCE)

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
        async with self._turns:
            ended = await _run(json.dumps(job).encode(), self._wall_seconds)
        if ended is None or ended[0] > 0:
            raise Unavailable("PEER_UNAVAILABLE", "nothing can be rendered now", peer="renderer")
        code, output = ended
        if code < 0:
            return {"refusal": {"field": "", "reason": _TOO_LARGE, "line": 0}}
        answer: dict[str, Any] = json.loads(output)
        return answer


async def _run(job: bytes, wall_seconds: float) -> tuple[int, bytes] | None:
    """Return the child's exit code (negative: a signal) and output; None when it took too long.

    It is not the event loop's child: uvloop runs the handlers that gRPC has for a fork, in which
    children die now and then, and that would look like a template that grows too large.
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
