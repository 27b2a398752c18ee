"""Rendering of what people write in templates; only `services.interactions.press` calls it.

A template can double a string until memory is gone, so that all of this happens in a process with
limits of its own.
"""

from collections.abc import Mapping, Sequence

import minijinja

FUEL = 50_000
LONGEST_VALUE = 300
LONGEST_PART = 50_000


class Refused(Exception):
    """A block's heading or text does not parse, fails or grows too large."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def render(
    blocks: Sequence[Mapping[str, str]], values: Mapping[str, str], known: Sequence[str]
) -> list[dict[str, str]]:
    """Returns each block's heading and text with the values; raises `Refused`.

    An empty value is left out, so that `default("…")` applies to it.
    """
    environment = minijinja.Environment(
        fuel=FUEL, debug=False, undefined_behavior="lenient", auto_escape_callback=lambda _: False
    )
    environment.remove_global("debug")
    given = {name: value[:LONGEST_VALUE] for name, value in values.items() if value}
    rendered = []
    for at, block in enumerate(blocks):
        rendered.append(
            {
                part: _part(environment, f"blocks[{at}].{part}", block[part], given, known)
                for part in ("heading", "text")
            }
        )
    return rendered


def _part(
    environment: minijinja.Environment,
    field: str,
    source: str,
    values: Mapping[str, str],
    known: Sequence[str],
) -> str:
    try:
        used = environment.undeclared_variables_in_str(source) - set(environment.globals)
        unknown = sorted(used - set(known))
        if unknown:
            raise Refused(field, f"unknown variable {unknown[0]!r}")
        text: str = environment.render_str(source, field, **values)
    except minijinja.TemplateError as wrong:
        line = f"line {wrong.line}: " if wrong.line else ""
        reason = wrong.detail or wrong.message.split(" (in ")[0]
        raise Refused(field, f"{line}{reason}") from None
    except (MemoryError, RecursionError, UnicodeError):
        raise Refused(field, "grows too large") from None
    if len(text) > LONGEST_PART:
        raise Refused(field, "grows too large")
    return " ".join(text.split()) if field.endswith("heading") else text
