"""Has templates rendered in a child process, where one that grows for ever does no harm."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.errors import FieldViolation, InvalidArgument, Unavailable
from services.campaigns.domain import rendering
from services.campaigns.domain.rendering import Refusal, Source

# The child's own processor time is bounded far below; this much passes only on a busy machine.
WALL_SECONDS = 8.0
_AT_ONCE = 2
_MODULE = "services.campaigns.admission"
_NO_ANSWER = 1
_TOO_LARGE = "grows too large or runs for too long"


@dataclass(frozen=True)
class Rendered:
    """One person's message by field, or why there is none."""

    fields: Mapping[str, str]
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Compiled:
    """The fields of a template as they are sent, and the names they use."""

    fields: Mapping[str, str]
    variables: Sequence[str]


class Renderer:
    """Starts a child a job, two at a time so that templates cannot take the whole machine."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def admit(self, source: Source, prefix: str = "template") -> Compiled:
        """Return a template as it is sent, and the names it uses, if it is sound for everybody.

        It is rendered with the largest values and with none. Raises `InvalidArgument`
        TEMPLATE_REFUSED naming the field (`prefix`.html) and the line.
        """
        answer = await self._answer(source, [rendering.largest_values(), {}])
        refusal = _refusal(answer) or next(filter(None, map(_refusal, answer["rendered"])), None)
        if refusal is not None:
            raise _refused(refusal, source, prefix)
        unknown = sorted(set(answer["variables"]) - rendering.VARIABLES)
        if unknown:
            raise _unknown(unknown, source, prefix)
        return Compiled(answer["fields"], answer["variables"])

    async def render(self, source: Source, values: Sequence[Mapping[str, str]]) -> list[Rendered]:
        """Return what each person would get, in the order of `values`."""
        answer = await self._answer(source, list(values))
        whole = _refusal(answer)
        if whole is not None:
            return [Rendered({}, whole) for _ in values]
        return [
            Rendered({}, refusal) if (refusal := _refusal(each)) else Rendered(each)
            for each in answer["rendered"]
        ]

    async def _answer(self, source: Source, values: list[Mapping[str, str]]) -> dict[str, Any]:
        job: dict[str, Any] = {
            "fields": source.fields,
            "limits": source.limits,
            "markup": source.markup,
        }
        job["values"] = values
        async with self._turns:
            ended = await _run(json.dumps(job).encode(), self._wall_seconds)
        code, output = ended or (_NO_ANSWER, b"")
        if code < 0:
            return {"refusal": {"field": "", "reason": _TOO_LARGE, "line": 0}}
        if code > 0:
            raise _away()
        answer: dict[str, Any] = json.loads(output)
        return answer


async def _run(job: bytes, wall_seconds: float) -> tuple[int, bytes] | None:
    """Return the child's exit code (negative: a signal) and output; None when it took too long.

    It is not the event loop's child: uvloop runs the handlers that gRPC has for a fork, in which
    children died now and then, and that looked like a template that grows too large.
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


def _away() -> Unavailable:
    return Unavailable("PEER_UNAVAILABLE", "templates cannot be rendered now", peer="renderer")


def _refusal(answer: Mapping[str, Any]) -> Refusal | None:
    found = answer.get("refusal")
    return Refusal(**found) if found else None


def _refused(refusal: Refusal, source: Source, prefix: str) -> InvalidArgument:
    fields = [refusal.field] if refusal.field else list(source.fields)
    return InvalidArgument(
        "TEMPLATE_REFUSED",
        "the template cannot be used",
        violations=[FieldViolation(f"{prefix}.{field}", refusal.text) for field in fields],
    )


def _unknown(names: Sequence[str], source: Source, prefix: str) -> InvalidArgument:
    violations = [
        FieldViolation(f"{prefix}.{field}", f"line {line}: unknown variable {name!r}")
        for name in names
        for field, line in [_first_use(name, source)]
    ]
    return InvalidArgument(
        "TEMPLATE_REFUSED", "the template uses unknown variables", violations=violations
    )


def _first_use(name: str, source: Source) -> tuple[str, int]:
    for field, text in source.fields.items():
        place = text.find(name)
        if place >= 0:
            return field, text.count("\n", 0, place) + 1
    return next(iter(source.fields)), 1
