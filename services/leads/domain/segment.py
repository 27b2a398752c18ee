"""A stored question about contacts: conditions, combined; what each may say is checked here."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from services.leads.domain.contact import Channel, Purpose

MAX_CONDITIONS = 50
# Of a definition, groups and all: the database takes a millisecond to read one.
MAX_IN_ALL = 200
MAX_DEPTH = 5
MAX_VALUES = 100
MAX_DAYS = 3_650


class Match(IntEnum):
    """How the conditions of a group combine."""

    ALL = 1
    ANY = 2
    NONE = 3


class Comparison(IntEnum):
    """How a field's value is compared, without accents and case."""

    EQUALS = 1
    CONTAINS = 2
    STARTS_WITH = 3
    PRESENT = 4
    ABSENT = 5


class Question(IntEnum):
    """The three questions about buying."""

    BOUGHT_WITHIN = 1
    LAPSED = 2
    NEVER_BOUGHT = 3


@dataclass(frozen=True)
class Field:
    """A field compared with values; any of them is enough."""

    name: str
    comparison: Comparison
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tags:
    """Has any of these tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True)
class Sources:
    """Comes from any of these sources."""

    ids: tuple[UUID, ...]


@dataclass(frozen=True)
class Stages:
    """Is in any of these life stages."""

    ids: tuple[UUID, ...]


@dataclass(frozen=True)
class Dates:
    """A date lies in a window: fixed times, or days counted back from the moment of asking."""

    name: str
    since: datetime | None = None
    until: datetime | None = None
    within_days: int = 0


@dataclass(frozen=True)
class Consented:
    """Has a consent that was given and not withdrawn."""

    purpose: Purpose
    channel: Channel
    advertiser_id: UUID


@dataclass(frozen=True)
class Bought:
    """Has answered one of the questions about buying; days count back from the asking."""

    question: Question
    days: int = 0


@dataclass(frozen=True)
class Group:
    """Conditions combined; an empty group means everybody."""

    match: Match = Match.ALL
    conditions: tuple["Condition", ...] = ()

    @property
    def size(self) -> int:
        """How many conditions there are in all, groups among them."""
        nested = (it.size for it in self.conditions if isinstance(it, Group))
        return len(self.conditions) + sum(nested)


Condition = Group | Field | Tags | Sources | Stages | Dates | Consented | Bought

EVERYBODY = Group()


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A definition with a name."""

    id: UUID
    revision: int
    name: str
    description: str = ""
    definition: Group = EVERYBODY
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True)
class Window:
    """The start and end of what a condition counted back (or, for birthdays, ahead)."""

    condition: str
    since: datetime
    until: datetime
