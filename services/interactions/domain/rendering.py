"""The environment that messages of follow-ups are rendered in, as `docs/templates.md` says.

What somebody typed is rendered in a process of its own before it is saved (`admission`): with the
largest values, so that what was saved can be rendered anywhere for anybody.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import minijinja

FUEL = 50_000
LONGEST_VALUE = 200

VARIABLES = (
    "salutation",
    "family_name",
    "given_name",
    "display_name",
    "company",
    "job_title",
    "email",
    "phone",
    "province",
    "ward",
    "birthday",
    "reference_code",
)


@dataclass(frozen=True)
class Refusal:
    """Why a part cannot be rendered; `line` counts from 1, 0 where it is not known."""

    field: str
    reason: str
    line: int = 0

    @property
    def text(self) -> str:
        """The reason as a person reads it."""
        return f"line {self.line}: {self.reason}" if self.line else self.reason


class Refused(Exception):
    """A part does not parse, fails, says nothing or grows too large."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


class Renderer:
    """Renders one message for many people; raises `Refused`."""

    def __init__(self, parts: Mapping[str, str], limits: Mapping[str, int]) -> None:
        """`parts` are sources by name (subject, html, text), `limits` the most they render to."""
        self._parts, self._limits = parts, limits
        self._environment = minijinja.Environment(
            fuel=FUEL,
            debug=False,
            undefined_behavior="lenient",
            auto_escape_callback=lambda name: "html" if name == "html" else False,
        )
        self._environment.remove_global("debug")
        for name, source in parts.items():
            with _refusing(name):
                self._environment.add_template(name, source)

    def unknown(self) -> dict[str, str]:
        """Return the names that nobody has a value for, each with a part that uses it."""
        known = {*VARIABLES, *self._environment.globals}
        found: dict[str, str] = {}
        for part, source in self._parts.items():
            with _refusing(part):
                for name in self._environment.undeclared_variables_in_str(source) - known:
                    found.setdefault(name, part)
        return found

    def render(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return each part as a person with these values would get it.

        An empty value is left out, so that `default("…")` applies to it.
        """
        given = {name: value[:LONGEST_VALUE] for name, value in values.items() if value}
        done: dict[str, str] = {}
        for name in self._parts:
            with _refusing(name):
                text = self._environment.render_template(name, **given)
            if name == "subject":
                text = one_line(text)
            limit = self._limits.get(name)
            if limit is not None and len(text) > limit:
                raise Refused(Refusal(name, f"renders to more than {limit} characters"))
            done[name] = text
        # An e-mail may lack one of its two bodies, and nothing may lack its subject.
        if not done.get("subject", "-") or not (
            done.get("html", "").strip() or done.get("text", "").strip()
        ):
            raise Refused(Refusal("subject" if not done.get("subject", "-") else "text", _EMPTY))
        return done


def one_line(text: str) -> str:
    """Return `text` without line breaks and other control characters, as a subject must be."""
    if not text.isprintable():
        text = "".join(it if it.isprintable() else " " for it in text)
    return " ".join(text.split())


def largest_values() -> dict[str, str]:
    """Return the values that make a message largest: every one full of what HTML escapes most."""
    return {name: '"' * LONGEST_VALUE for name in VARIABLES}


_EMPTY = "renders to nothing"


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Turns an error of the template into `Refused` naming the part."""
    try:
        yield
    except minijinja.TemplateError as error:
        reason = error.detail or error.message.split(" (in ")[0]
        raise Refused(Refusal(name, reason, error.line or 0)) from None
    except (MemoryError, RecursionError, UnicodeError):
        raise Refused(Refusal(name, "grows too large")) from None
