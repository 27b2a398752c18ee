"""Has templates rendered in a child process, where one that grows for ever does no harm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.confined.parent import Confined, Overgrown
from chassis.errors import FieldViolation, InvalidArgument
from services.campaigns.domain import rendering
from services.campaigns.domain.rendering import Refusal, Source

WALL_SECONDS = 8.0


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
    """Renders templates of campaigns."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        self._child = Confined("services.campaigns.admission", "renderer", wall_seconds)

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
        job = {
            "fields": source.fields,
            "limits": source.limits,
            "markup": source.markup,
            "values": values,
        }
        try:
            return await self._child.answer(job)
        except Overgrown as overgrown:
            return {"refusal": {"field": "", "reason": str(overgrown), "line": 0}}


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
