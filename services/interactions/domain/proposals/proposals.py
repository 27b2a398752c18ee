"""Proposals: what is kept of one, and which state follows which."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.attachments import Attachment
from chassis.errors import Aborted, FailedPrecondition
from chassis.scope import Scope
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals import money, pricing
from services.interactions.domain.proposals.moves import StageMove
from services.interactions.domain.proposals.pricing import Line, Totals

RESOURCE = "proposal"
HOME_CURRENCY = "VND"
HOME_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
LOCALES = ("vi", "en")
LONGEST_TITLE, LONGEST_NAME, LONGEST_WORDS = 200, 120, 2_000
LONGEST_RECIPIENT, LONGEST_ADDRESS, MOST_DAYS = 200, 254, 60

_ADDRESS = re.compile(r"[^\s@\x00-\x1f<>\",;]+@[^\s@\x00-\x1f<>\",;]+\.[^\s@\x00-\x1f<>\",;.]+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class State(StrEnum):
    """How far it is."""

    DRAFT = "draft"
    SENDING = "sending"
    SENT = "sent"
    VIEWED = "viewed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


WAITING = (State.SENDING, State.SENT, State.VIEWED)
"""With the customer, who may answer."""
SHOWN = (*WAITING, State.ACCEPTED, State.DECLINED, State.EXPIRED)
"""What the customer can read."""
REVISABLE = (State.SENT, State.VIEWED, State.DECLINED, State.EXPIRED, State.WITHDRAWN)


@dataclass(frozen=True)
class Proposal:
    """A proposal as it is kept; `document` is what was sent last, as it looks.

    `attachments` are the files that it has now, which change in a draft only.
    """

    id: UUID
    revision: int
    number: str
    title: str
    contact_id: UUID | None
    address: str
    recipient_name: str
    template_id: UUID
    template_version: int
    currency: str
    lines: tuple[Line, ...]
    totals: Totals
    valid_until: date
    expire_time: datetime
    remind_days_before: int
    locale: str
    owner_id: UUID | None
    team_id: UUID | None
    state: State
    issue: int
    send_failure: str
    send_failure_reason: str
    message_id: UUID | None
    answer_name: str
    answer_reason: str
    send_time: datetime | None
    view_time: datetime | None
    view_count: int
    last_view_time: datetime | None
    answer_time: datetime | None
    document: Mapping[str, Any] | None
    accepted_life_stage_id: UUID | None
    stage_move: StageMove
    creator_id: str
    create_time: datetime
    update_time: datetime
    attachments: tuple[Attachment, ...]

    def within(self, scope: Scope) -> bool:
        """Returns True if a right of this reach holds for the proposal."""
        owners = [self.owner_id] if self.owner_id else []
        return scope.covers(owners, self.team_id, self.creator_id)

    @property
    def moves_contact(self) -> bool:
        """Returns True if it is accepted and asks for its contact to be moved."""
        there = self.contact_id is not None and self.accepted_life_stage_id is not None
        return there and self.state is State.ACCEPTED

    def must_be(self, *allowed: State, to: str) -> None:
        """Raises `FailedPrecondition` naming the state unless it is one of those allowed."""
        if self.state not in allowed:
            raise forbidden(self.state, to)

    def must_be_answerable(self, issue: int, now: datetime, to: str) -> None:
        """Raises unless what the customer saw is what may be answered now.

        `FailedPrecondition` when it is being changed, over, or answered; `Aborted` when the
        customer saw another sending of it.
        """
        if self.state in WAITING and self.expire_time <= now:
            raise forbidden(State.EXPIRED, to)
        self.must_be(*WAITING, to=to)
        if issue != self.issue:
            raise Aborted(
                "ETAG_STALE",
                "the proposal was changed and sent again",
                resource=RESOURCE,
                id=self.id,
                etag=self.issue,
            )


def forbidden(state: State, to: str) -> FailedPrecondition:
    """Returns the error for a move that the state does not allow."""
    return FailedPrecondition(
        "STATE_FORBIDS",
        f"a {state} proposal cannot be {to}",
        resource=RESOURCE,
        state=state,
        to=to,
    )


def expiry(valid_until: date) -> datetime:
    """Returns the first moment at which it can no longer be accepted."""
    return datetime.combine(valid_until + timedelta(days=1), time(), HOME_ZONE)


def number(prefix: str, year: int, place: int) -> str:
    """Returns "BG-2026-00001"."""
    return f"{prefix}-{year}-{place:05d}"


def is_address(text: str) -> bool:
    """Returns True for what looks like an e-mail address."""
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def columns(given: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Returns the columns for the fields that were given, and notes the bad ones."""
    made: dict[str, Any] = {}
    for field, value in given.items():
        made.update(_COLUMNS[field](value, f"proposal.{field}", problems))
    return made


def _text(longest: int, *, required: bool = False) -> Any:
    def check(value: str, field: str, problems: Problems) -> dict[str, Any]:
        name = field.rpartition(".")[2]
        return {name: fields.text(value, field, longest, problems, required=required)}

    return check


def _id(*, required: bool = False) -> Any:
    def check(value: str, field: str, problems: Problems) -> dict[str, Any]:
        name = field.rpartition(".")[2]
        wanted = required or bool(value)
        return {name: fields.uuid(value, field, problems) if wanted else None}

    return check


def _address(value: str, field: str, problems: Problems) -> dict[str, Any]:
    text = value.strip()
    if text and not is_address(text):
        problems.add(field, "is not an e-mail address")
    return {"address": text}


def _version(value: int, field: str, problems: Problems) -> dict[str, Any]:
    if value < 0:
        problems.add(field, "is negative")
    return {"template_version": value}


def _currency(value: str, field: str, problems: Problems) -> dict[str, Any]:
    code = value or HOME_CURRENCY
    if not money.is_currency(code):
        problems.add(field, "is no currency of ISO 4217")
    return {"currency": code}


def _lines(value: list[Line], field: str, problems: Problems) -> dict[str, Any]:
    return {"lines": pricing.checked(value, field, problems)}


def _day(value: str, field: str, problems: Problems) -> dict[str, Any]:
    try:
        # The library also takes forms such as "20260101", which others may not read.
        if not _DAY.fullmatch(value):
            raise ValueError(value)
        found = date.fromisoformat(value)
        if not 2000 <= found.year < 3000:
            raise ValueError(value)
    except ValueError:
        problems.add(field, "is no date" if value else "is required")
        return {}
    return {"valid_until": found, "expire_time": expiry(found)}


def _days(value: int, field: str, problems: Problems) -> dict[str, Any]:
    if not 0 <= value <= MOST_DAYS:
        problems.add(field, f"is not between 0 and {MOST_DAYS}")
    return {"remind_days_before": value}


def _locale(value: str, field: str, problems: Problems) -> dict[str, Any]:
    if value and value not in LOCALES:
        problems.add(field, "is not one of the choices")
    return {"locale": value or "vi"}


_COLUMNS: Mapping[str, Any] = {
    "title": _text(LONGEST_TITLE, required=True),
    "contact_id": _id(),
    "address": _address,
    "recipient_name": _text(LONGEST_RECIPIENT),
    "template_id": _id(required=True),
    "template_version": _version,
    "currency": _currency,
    "lines": _lines,
    "valid_until": _day,
    "remind_days_before": _days,
    "locale": _locale,
    "owner_id": _id(),
    "team_id": _id(),
    "accepted_life_stage_id": _id(),
}
FIELDS = tuple(_COLUMNS)
