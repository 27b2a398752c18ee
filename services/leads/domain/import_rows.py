"""Rows of an import made ready: each a person to keep, or why it is none."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from chassis.errors import FieldViolation
from services.leads.domain import consent, import_plain, validation
from services.leads.domain.consent import Grant
from services.leads.domain.contact import Channel, Profile
from services.leads.domain.files import cells, merge, people, vcard
from services.leads.domain.files.people import Person
from services.leads.domain.importing import Consent, Import, Outcome, Row

Key = tuple[str, str]

_AHEAD = timedelta(minutes=5)
_SHOWN = 80
_REASONS = {"phones": "INVALID_PHONE", "emails": "INVALID_EMAIL", "birthday": "INVALID_DATE"}


@dataclass(frozen=True)
class Agreed:
    """The consent that one row stands for."""

    evidence: str
    time: datetime | None
    channels: tuple[Channel, ...]


@dataclass(slots=True)
class Ready:
    """A row that is somebody, with what makes it the same row again.

    Nobody changes it; but to freeze what is made for every row costs an import time.
    """

    number: int
    profile: Profile
    source: str
    agreed: Agreed | None
    print: bytes
    noted: str
    keys: list[Key]


class Reader:
    """Makes the rows of one import ready."""

    def __init__(self, current: Import, *, home_region: str) -> None:
        self._current = current
        self._home_region = home_region
        self._plain = import_plain.Columns(current, home_region=home_region)

    def ready(
        self, number: int, record: list[str] | list[vcard.Property], now: datetime
    ) -> Ready | Row:
        """Return what a record of the file says, checked; or its line in the ledger."""
        if self._plain.usable:
            try:
                return self._at_a_stroke(number, record, now)  # type: ignore[arg-type]
            except import_plain.Doubt:
                pass
        return prepare(self._current, number, record, home_region=self._home_region, now=now)

    def _at_a_stroke(self, number: int, row: list[str], now: datetime) -> Ready:
        profile, source, evidence, agreed_at, channels = self._plain.read(row)
        if agreed_at and agreed_at > now + _AHEAD:
            raise import_plain.Doubt
        named = None if channels is None else cells.channels(channels)
        agreed = _agreed(self._current.consent, evidence, agreed_at, named)
        return _ready(self._current, number, profile, source, agreed)


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
    agreed = _agreed(current.consent, person.evidence, person.agreed_at, person.channels)
    return _ready(current, number, profile, person.source, agreed, person.noted)


def _ready(
    current: Import,
    number: int,
    profile: Profile,
    source: str,
    agreed: Agreed | None,
    noted: str = "",
) -> Ready:
    mark = merge.fingerprint(profile, source, agreed, current.consent, current.source_id)
    return Ready(number, profile, source, agreed, mark, noted, keys(profile))


def keys(profile: Profile) -> list[Key]:
    """Return what a person is found by: (kind, key) pairs."""
    return [
        *[(f"id:{it.system}", it.id) for it in profile.external_ids],
        *[("phone", it.key) for it in profile.phones],
        *[("email", it.key) for it in profile.emails],
    ]


def _person(current: Import, record: list[str] | list[vcard.Property]) -> Person:
    shape = current.shape
    if shape.kind == "vcard":
        return people.of_card([it for it in record if isinstance(it, vcard.Property)], people.ZONE)
    row = [it for it in record if isinstance(it, str)]
    system = "facebook" if shape.kind == "facebook" else "file"
    return people.of_row(row, shape.columns, shape.fields, system=system, zone=people.ZONE)


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


def _agreed(
    asked: Consent | None,
    evidence: str | None,
    agreed_at: datetime | None,
    channels: tuple[Channel, ...] | None,
) -> Agreed | None:
    """Return the consent of a row: by its own evidence where the file has such a column.

    Silence is none: a row whose evidence or channels are empty agrees to nothing.
    """
    if asked is None:
        return None
    evidence = asked.evidence if evidence is None else evidence
    named = asked.channels if channels is None else channels
    given = tuple([it for it in asked.channels if it in named])
    return Agreed(evidence, agreed_at, given) if evidence and given else None


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
