"""The environment templates are rendered in; `docs/templates.md` says what it offers.

Nothing outside `services.campaigns.admission` renders: a template can double a string until memory
is gone, so all rendering here happens in a child process with limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import minijinja

from services.campaigns.domain.kinds import Markup

FUEL = 50_000
MAX_VALUE_CHARACTERS = 200

CONTACT_VARIABLES = (
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
# Filled by the notifier, which knows the message and the advertiser.
SENDER_VARIABLES = ("unsubscribe_url", "advertiser_name", "advertiser_address")
VARIABLES = frozenset((*CONTACT_VARIABLES, *SENDER_VARIABLES))

SAMPLE_VALUES: Mapping[str, str] = {
    "salutation": "Chị",
    "family_name": "Nguyễn",
    "given_name": "Thị Minh Khai",
    "display_name": "Nguyễn Thị Minh Khai",
    "company": "Công ty Mẫu",
    "job_title": "Giám đốc",
    "email": "minh.khai@example.vn",
    "phone": "+84912345678",
    "province": "Thành phố Hồ Chí Minh",
    "ward": "Phường Sài Gòn",
    "birthday": "01/11",
    "reference_code": "KH000001",
    "unsubscribe_url": "https://example.vn/u/sample",
    "advertiser_name": "Công ty Mẫu",
    "advertiser_address": "1 Lê Lợi, Phường Sài Gòn, Thành phố Hồ Chí Minh",
}


@dataclass(frozen=True)
class Refusal:
    """Why a field cannot be rendered; `line` counts from 1, 0 where it is not known."""

    field: str
    reason: str
    line: int = 0

    @property
    def text(self) -> str:
        """The reason as a person reads it."""
        return f"line {self.line}: {self.reason}" if self.line else self.reason


class Refused(Exception):
    """A field of a template does not parse, fails or grows too large."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


@dataclass(frozen=True)
class Source:
    """Template sources by field (subject, html, text) and the most each may render to.

    With a `markup` the HTML is as somebody wrote it and has to be compiled first.
    """

    fields: Mapping[str, str]
    limits: Mapping[str, int] = field(default_factory=dict)
    markup: Markup | None = None


class Renderer:
    """Renders one template for many people; raises `Refused`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._environment = environment()
        for name, text in source.fields.items():
            with _refusing(name):
                self._environment.add_template(name, text)

    def variables(self) -> set[str]:
        """Return the names the template uses without setting them itself."""
        found: set[str] = set()
        for name, text in self._source.fields.items():
            with _refusing(name):
                found |= self._environment.undeclared_variables_in_str(text)
        return found - set(self._environment.globals)

    def render(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return each field as a person with these values would get it.

        An empty value is left out, so that `default("…")` applies to it.
        """
        given = {name: value[:MAX_VALUE_CHARACTERS] for name, value in values.items() if value}
        done: dict[str, str] = {}
        for name in self._source.fields:
            with _refusing(name):
                text = self._environment.render_template(name, **given)
            limit = self._source.limits.get(name)
            if limit is not None and len(text) > limit:
                raise Refused(Refusal(name, f"renders to more than {limit} characters"))
            done[name] = one_line(text) if name == "subject" else text
        return done


def environment() -> minijinja.Environment:
    """Return the environment: fuel, lenient undefined, HTML escaped in html and nowhere else."""
    made = minijinja.Environment(
        fuel=FUEL,
        debug=False,
        undefined_behavior="lenient",
        auto_escape_callback=lambda name: "html" if name == "html" else False,
    )
    made.remove_global("debug")
    return made


def one_line(text: str) -> str:
    """Return `text` without line breaks and other control characters, as a subject must be."""
    return " ".join("".join(it if it.isprintable() else " " for it in text).split())


def largest_values() -> dict[str, str]:
    """Return the values that make a template largest: every one full of what HTML escapes most."""
    return {name: '"' * MAX_VALUE_CHARACTERS for name in VARIABLES}


class _refusing:
    """Turns a template's error inside the block into `Refused` naming the field."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, minijinja.TemplateError):
            reason = error.detail or error.message.split(" (in ")[0]
            raise Refused(Refusal(self._name, reason, error.line or 0)) from None
        if isinstance(error, MemoryError | RecursionError | UnicodeError):
            raise Refused(Refusal(self._name, "grows too large")) from None
