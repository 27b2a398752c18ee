"""The schema of the file that holds what the law asks; a file that breaks it is refused whole."""

import bisect
import itertools
import math
import re
from datetime import time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.notifier.domain.hours import Window
from services.notifier.domain.states import Channel, Purpose

_WINDOW = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")


def window(text: str) -> Window:
    """`HH:MM-HH:MM`, the end exclusive; an end before its beginning is on the next day.

    Raises `ValueError`.
    """
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not HH:MM-HH:MM")
    opens, opens_minute, closes, closes_minute = map(int, found.groups())
    if (closes, closes_minute) == (24, 0):
        closes = 0
    if closes == 24 or (opens, opens_minute) == (closes, closes_minute) != (0, 0):
        raise ValueError(f"{text!r} is no span of a day")
    return Window(time(opens, opens_minute), time(closes, closes_minute))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone") from None
    return name


def _span(text: str) -> str:
    window(text)
    return text


ZoneName = Annotated[str, AfterValidator(_zone)]
Span = Annotated[str, AfterValidator(_span)]
Prefix = Annotated[str, Field(pattern=r"^\+[0-9]{1,14}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Jurisdiction(_Part):
    """A country or state: who belongs to it, and where it is judged when no zone is known."""

    name: str
    phone_prefixes: tuple[Prefix, ...] = ()
    time_zones: tuple[ZoneName, ...] = ()
    judged_in: tuple[ZoneName, ...] = Field(default=(), max_length=10)


class _Rule(_Part):
    id: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", max_length=80)
    jurisdiction: str
    channels: tuple[Literal["SMS", "EMAIL"], ...] = Field(min_length=1)
    purposes: tuple[Literal["MARKETING", "CARE", "TRANSACTIONAL", "CONSENT_REQUEST"], ...] = Field(
        min_length=1
    )
    source: str = Field(min_length=1)

    def speaks_of(self, channel: Channel, purpose: Purpose) -> bool:
        """Whether it is about such messages."""
        return channel.name in self.channels and purpose.name in self.purposes


class HoursRule(_Rule):
    """Messages go within these spans of the recipient's day."""

    kind: Literal["hours"]
    windows: tuple[Span, ...] = Field(min_length=1)

    @property
    def spans(self) -> tuple[Window, ...]:
        """The windows, read."""
        return tuple(window(it) for it in self.windows)


class CapRule(_Rule):
    """At most so many from one advertiser to one address in any so many hours."""

    kind: Literal["cap"]
    most: int = Field(ge=1, le=1_000)
    hours: int = Field(ge=1, le=24 * 31)


class ListRule(_Rule):
    """Numbers on the list get nothing; nobody does while the list is older than allowed."""

    kind: Literal["do_not_call"]
    list: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    prefixes: tuple[Prefix, ...] = Field(min_length=1)
    max_age_hours: float = Field(gt=0)

    @property
    def max_age(self) -> timedelta:
        """How old the list may be."""
        return timedelta(hours=self.max_age_hours)


class LabelRule(_Rule):
    """What stands first."""

    kind: Literal["label"]
    text: str = Field(min_length=1)
    accepted: tuple[str, ...] = Field(min_length=1)


class SenderRule(_Rule):
    """Brand names: Latin letters, digits and `symbols`, and never digits alone."""

    kind: Literal["sender"]
    longest: int = Field(ge=1, le=20)
    symbols: str
    valid_years: int = Field(ge=1, le=50)


class RequestRule(_Rule):
    """One request for consent ever; no answer in time is a refusal."""

    kind: Literal["consent_request"]
    answer_hours: float = Field(gt=0)


class OptOutRule(_Rule):
    """What a message without the link ends with; `{url}`, `{advertiser}`, `{address}` are known."""

    kind: Literal["opt_out"]
    text: str = Field(pattern=r"\{url\}")
    html: str = ""


class ConfirmationRule(_Rule):
    """What is answered to a refusal, once; `{advertiser}`, `{received}` and `{stops}` are known."""

    kind: Literal["confirmation"]
    sms: str
    subject: str
    email: str


class BillingRule(_Rule):
    """A provider's table: texts of up to so many characters are billed as 1, 2, … segments.

    A longer one costs a segment more for each `further` characters begun.
    """

    kind: Literal["billing"]
    encoding: Literal["gsm7", "ucs2"]
    up_to: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1, max_length=10)
    further: int = Field(ge=1)

    @model_validator(mode="after")
    def _rises(self) -> "BillingRule":
        if any(more <= less for less, more in itertools.pairwise(self.up_to)):
            raise ValueError("up_to must rise")
        return self

    def segments(self, length: int) -> int:
        """How many are billed for a text of so many characters."""
        beyond = length - self.up_to[-1]
        if beyond > 0:
            return len(self.up_to) + math.ceil(beyond / self.further)
        return 1 + bisect.bisect_left(self.up_to, length)


Rule = (
    HoursRule
    | CapRule
    | ListRule
    | LabelRule
    | SenderRule
    | RequestRule
    | OptOutRule
    | ConfirmationRule
    | BillingRule
)


class Rulebook(_Part):
    """The file."""

    collected: int
    home: str
    jurisdictions: dict[str, Jurisdiction]
    rules: tuple[Annotated[Rule, Field(discriminator="kind")], ...]

    @model_validator(mode="after")
    def _fits_together(self) -> "Rulebook":
        for code in (self.home, *(it.jurisdiction for it in self.rules)):
            if code not in self.jurisdictions:
                raise ValueError(f"there is no jurisdiction {code!r}")
        ids = [it.id for it in self.rules]
        if len(ids) != len(set(ids)):
            raise ValueError("two rules have the same id")
        for channel in ("SMS", "EMAIL"):
            caps = [it for it in self.rules if isinstance(it, CapRule) and channel in it.channels]
            if len({it.hours for it in caps}) > 1:
                raise ValueError(f"caps of {channel} must count over the same hours")
        return self
