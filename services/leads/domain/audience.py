"""People frozen for a run: who is asked for, and what a run needs to know of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chassis.errors import FieldViolation
from services.leads.domain import conditions
from services.leads.domain.contact import Channel, Kind, Purpose
from services.leads.domain.fields import Checks
from services.leads.domain.segment import EVERYBODY, Group

MAX_SEGMENTS = 100
# In all parts together: the database takes a second to read them.
MAX_CONDITIONS = 1_000
MAX_CONTACTS = 10_000
MAX_VARIABLES = 50
MAX_FROZEN = 5_000_000
MAX_SAMPLE = 100

# What a byte of People.marks says.
CONSENTED = 1
GONE = 2
INVALID = 4
VARIABLES = frozenset(
    {
        *("salutation", "family_name", "given_name", "display_name", "company", "job_title"),
        *("email", "phone", "province", "ward", "birthday", "reference_code"),
    }
)


@dataclass(frozen=True)
class Query:
    """Who is asked for; nothing but a kind means everybody of it."""

    kind: Kind | None = None
    segment_ids: tuple[UUID, ...] = ()
    contact_ids: tuple[UUID, ...] = ()
    definition: Group | None = None
    excluded_segment_ids: tuple[UUID, ...] = ()

    @property
    def is_everybody(self) -> bool:
        """True when no part says whom to include."""
        return not (self.segment_ids or self.contact_ids or self.definition)


@dataclass(frozen=True)
class View:
    """What a run needs to know of each person; `variables` in the order of their values."""

    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audience:
    """People frozen under a run's id."""

    id: UUID
    size: int
    freeze_time: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """One person as of now, who would be in an audience."""

    contact_id: UUID
    address: str
    address_key: str
    consented: bool
    time_zone: str
    locale: str
    region: str
    values: list[str]


class People(NamedTuple):
    """A stretch of an audience in columns, by ordinal without gaps.

    Ids are 16 bytes each, marks one (CONSENTED, GONE, INVALID); a column of texts is their UTF-8,
    joined by NUL, which no text holds. `values` has a column of each variable. Who was deleted
    since, or is out of reach, is GONE, and the texts are empty.
    """

    first_ordinal: int
    contact_ids: bytes
    marks: bytes
    addresses: bytes
    address_keys: bytes
    time_zones: bytes
    locales: bytes
    regions: bytes
    values: Sequence[bytes]


@dataclass(frozen=True)
class Division:
    """How an audience divides: the parts sum to `size`."""

    size: int
    without_address: int
    invalid_address: int
    without_consent: int
    shared_address: int
    reachable: int
    sample: Sequence[Member]


def check_query(
    checks: Checks,
    *,
    kind: int,
    segment_ids: Sequence[str],
    contact_ids: Sequence[str],
    definition: Group | None,
    excluded_segment_ids: Sequence[str],
) -> Query:
    """Return the query; what is wrong is noted in `checks`."""
    if definition is not None:
        conditions.check(checks, definition, "query.definition")
    return Query(
        kind=checks.choice("query.kind", kind, Kind),
        segment_ids=checks.ids("query.segment_ids", segment_ids, MAX_SEGMENTS),
        contact_ids=checks.ids("query.contact_ids", contact_ids, MAX_CONTACTS),
        definition=definition,
        excluded_segment_ids=checks.ids(
            "query.excluded_segment_ids", excluded_segment_ids, MAX_SEGMENTS
        ),
    )


def too_many(query: Query, definitions: Mapping[UUID, Group]) -> list[FieldViolation]:
    """Return what is wrong when the parts of a query have too many conditions together.

    `definitions` has the segments it names; the one is named with which they became too many.
    """
    parts = [("definition", query.definition or EVERYBODY)]
    for name in ("segment_ids", "excluded_segment_ids"):
        ids: Sequence[UUID] = getattr(query, name)
        parts += [(f"{name}[{place}]", definitions[it]) for place, it in enumerate(ids)]
    total = 0
    for name, definition in parts:
        total += definition.size
        if total > MAX_CONDITIONS:
            why = f"makes more than {MAX_CONDITIONS} conditions, with those before it"
            return [FieldViolation(f"query.{name}", why)]
    return []


def check_view(
    checks: Checks, *, channel: int, purpose: int, advertiser_id: str, variables: Sequence[str]
) -> View:
    """Return the view; what is wrong is noted in `checks`."""
    checks.at_most("view.variables", variables, MAX_VARIABLES)
    for place, name in enumerate(variables[:MAX_VARIABLES]):
        if name not in VARIABLES:
            checks.wrong(f"view.variables[{place}]", "is no field of a contact for templates")
    return View(
        channel=checks.needed("view.channel", channel, Channel),
        purpose=checks.needed("view.purpose", purpose, Purpose),
        advertiser_id=checks.id("view.advertiser_id", advertiser_id),
        variables=tuple(variables),
    )
