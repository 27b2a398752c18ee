"""Which contacts to list, and in which order."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from services.leads.domain import text
from services.leads.domain.contact import Conversion, Kind, Status

MAX_WORDS = 8
_PHONE_LIKE = re.compile(r"[+(]?[0-9][0-9 .()+-]*")
_LEAST_DIGITS = 3


class Order(IntEnum):
    """Newest created first, by name, or last changed first."""

    CREATED = 0
    NAME = 1
    UPDATED = 2


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Conditions that must all hold; among ids None stands for "in none".

    `names_only` lets words find by names, companies and codes, and not by phones and e-mails.
    """

    words: tuple[str, ...] = ()
    names_only: bool = False
    kind: Kind | None = None
    statuses: tuple[Status, ...] = ()
    life_stage_ids: tuple[UUID | None, ...] = ()
    source_ids: tuple[UUID | None, ...] = ()
    tags: tuple[str, ...] = ()
    owner_ids: tuple[UUID | None, ...] = ()
    import_id: UUID | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
    conversions: tuple[Conversion, ...] = ()
    main_owner_ids: tuple[UUID | None, ...] = ()
    passed_stage_ids: tuple[UUID | None, ...] = ()
    with_sale: bool = False


def words(query: str) -> tuple[str, ...]:
    """Return the parts that a contact must all have; a phone however it is spaced is one part."""
    cleaned = text.line(query)
    if _PHONE_LIKE.fullmatch(cleaned):
        digits = re.sub(r"[^0-9]", "", cleaned)
        if len(digits) >= _LEAST_DIGITS:
            return (digits,)
    return tuple(dict.fromkeys(cleaned.split()))[:MAX_WORDS]


def search_source(names: tuple[str, ...], emails: tuple[str, ...], phones: tuple[str, ...]) -> str:
    """Return what a contact is found by, before it is folded; words are led by a space.

    Phones are there in the international and, where it is known, the national form.
    """
    digits = [it.lstrip("+") for it in phones]
    national = [f"0{it.removeprefix('+84')}" for it in phones if it.startswith("+84")]
    words = [*dict.fromkeys(it for it in names if it), *emails, *digits, *national]
    return "".join(f" {it}" for it in words)
