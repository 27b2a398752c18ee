"""Rows of an import made ready: each a person to keep, or why it is none."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.errors import FieldViolation
from services.leads.domain import consent, validation
from services.leads.domain.consent import Grant
from services.leads.domain.contact import Channel, Profile
from services.leads.domain.files import cells, merge, people, vcard
from services.leads.domain.files.people import Person
from services.leads.domain.importing import Consent, Import, Outcome, Row

# Spreadsheets without a zone of their own are written by people in Vietnam.
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_AHEAD = timedelta(minutes=5)
_SHOWN = 80
_REASONS = {"phones": "INVALID_PHONE", "emails": "INVALID_EMAIL", "birthday": "INVALID_DATE"}


@dataclass(frozen=True)
class Agreed:
    """The consent that one row stands for."""

    evidence: str
    time: datetime | None
    channels: tuple[Channel, ...]


@dataclass(frozen=True)
class Ready:
    """A row that is somebody, with what makes it the same row again."""

    number: int
    profile: Profile
    source: str
    agreed: Agreed | None
    print: bytes
    noted: str = ""


def prepare(
    current: Import,
    number: int,
    record: list[str] | list[vcard.Property],
    *,
    home_region: str,
    now: datetime,
) -> Ready | Row:
    """Return what a record of the file says, checked; or its line in the ledger."""
    try:
        person = _person(current, record)
    except people.Skip as skip:
        return Row(number=number, outcome=Outcome.SKIPPED, reason=str(skip))
    except cells.Odd as odd:
        name, _, why = str(odd).partition(": ")
        reason = "INVALID_TIME" if name.endswith("time") else "INVALID_DATE"
        return _rejected(number, name, reason, why)
    if person.agreed_at and person.agreed_at > now + _AHEAD:
        return _rejected(number, "consent_time", "INVALID_TIME", "lies in the future")
    tagged = replace(person.draft, tags=[*person.draft.tags, *current.tags])
    profile, wrong = validation.check(tagged, home_region=home_region, prefix="")
    if profile is None:
        return _wrong(number, person, wrong[0])
    agreed = _agreed(current.consent, person)
    mark = merge.fingerprint(profile, person.source, agreed, current.consent, current.source_id)
    return Ready(number, profile, person.source, agreed, mark, person.noted)


def _person(current: Import, record: list[str] | list[vcard.Property]) -> Person:
    shape = current.shape
    if shape.kind == "vcard":
        return people.of_card([it for it in record if isinstance(it, vcard.Property)], ZONE)
    row = [it for it in record if isinstance(it, str)]
    system = "facebook" if shape.kind == "facebook" else "file"
    return people.of_row(row, shape.columns, shape.fields, system=system, zone=ZONE)


def _wrong(number: int, person: Person, first: FieldViolation) -> Row:
    name = first.field.partition("[")[0].partition(".")[0]
    nobody = name == "display_name" and not person.draft.display_name
    reason = "NO_IDENTITY" if nobody else _REASONS.get(name, "INVALID_VALUE")
    return _rejected(number, name, reason, first.description)


def _rejected(number: int, name: str, reason: str, why: str) -> Row:
    return Row(
        number=number,
        outcome=Outcome.REJECTED,
        field={"phones": "phone", "emails": "email"}.get(name, name),
        reason=reason,
        detail=why[:_SHOWN],
    )


def _agreed(asked: Consent | None, person: Person) -> Agreed | None:
    """Return the consent of a row: by its own evidence where the file has such a column.

    Silence is none: a row whose evidence or channels are empty agrees to nothing.
    """
    if asked is None:
        return None
    evidence = asked.evidence if person.evidence is None else person.evidence
    named = asked.channels if person.channels is None else person.channels
    channels = tuple(it for it in asked.channels if it in named)
    return Agreed(evidence, person.agreed_at, channels) if evidence and channels else None


def grant(
    current: Import, ready: Ready, contact_id: UUID, *, new_id: Callable[[], UUID], now: datetime
) -> Grant | None:
    """Return what the person of a row agreed to by it."""
    if ready.agreed is None or current.consent is None:
        return None
    return Grant(
        id=consent.grant_id(new_id()),
        contact_id=contact_id,
        advertiser_id=current.consent.advertiser_id,
        purposes=current.consent.purposes,
        channels=ready.agreed.channels,
        time=min(ready.agreed.time or now, now),
        method="import",
        evidence=ready.agreed.evidence[:500],
        actor=current.creator,
        record_time=now,
    )
