"""New contacts as lines for COPY; `contact_rows` says the same for statements."""

import functools
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson

from chassis.db import arrays
from services.leads.domain import contact as model
from services.leads.domain import text
from services.leads.domain.contact import Address, Birthday, Contact, Profile, Reach
from services.leads.storage import contact_rows, copying

_NO_DAY = Birthday(0, 0)


def line(it: Contact, search_text: str) -> str:
    """Return the line of a contact, in the order of the table's columns; `search_text` folded."""
    return copying.line(
        (
            *(it.id.hex, str(it.revision), f"{it.kind:d}", f"{it.status:d}", it.lost_reason),
            *(_id(it.life_stage_id), str(it.score)),
            *_person(it.profile, search_text),
            *_place(it.profile.address),
            *_belonging(it.profile),
            *(_time(it.create_time), _time(it.update_time), _time(it.convert_time)),
            *(f"{it.conversion:d}", _stages(it.passed_stage_ids)),
        )
    )


def addresses(contacts: Sequence[Contact]) -> list[str]:
    """Return the lines by which contacts are found by phone or e-mail address."""
    return [
        copying.line((channel, reach.key, it.id.hex))
        for it in contacts
        for channel, reaches in (("1", it.profile.phones), ("2", it.profile.emails))
        for reach in reaches
    ]


def external_ids(contacts: Sequence[Contact]) -> list[str]:
    """Return the lines by which contacts are found by their ids in other systems."""
    return [
        copying.line((each.system, each.id, it.id.hex))
        for it in contacts
        for each in it.profile.external_ids
    ]


def _person(it: Profile, search_text: str) -> tuple[str, ...]:
    born = it.birthday or _NO_DAY
    phone, email = model.reach(it.phones), model.reach(it.emails)
    return (
        *(it.reference_code, it.salutation, it.family_name, it.given_name, it.display_name),
        *(text.sort_key(it.family_name, it.given_name, it.display_name), search_text),
        *(_reaches(it.phones), _reaches(it.emails), phone.address if phone else ""),
        *((email.address, email.key) if email else ("", "")),
        *(it.company, it.job_title, f"{it.gender:d}"),
        *(str(born.year), str(born.month), str(born.day)),
    )


def _place(it: Address) -> tuple[str, ...]:
    return (it.street, it.ward, it.province, it.postal_code, it.country_code)


def _belonging(it: Profile) -> tuple[str, ...]:
    return (
        *(it.locale, it.time_zone, it.region, f"{it.preferred_channel or 0:d}"),
        *(_id(it.source_id), _id(it.referred_by_contact_id), arrays.uuids(it.owner_ids)),
        *(it.team_id, _tags(it.tags)),
        orjson.dumps(it.external_ids).decode() if it.external_ids else "[]",
        it.description,
    )


def _reaches(some: Sequence[Reach]) -> str:
    return orjson.dumps([contact_rows.reach_plain(it) for it in some]).decode() if some else "[]"


@functools.lru_cache(maxsize=1024)
def _tags(tags: tuple[str, ...]) -> str:
    return arrays.texts(tags)


@functools.lru_cache(maxsize=256)  # of sources and stages there are few
def _id(it: UUID | None) -> str:
    return it.hex if it else copying.NULL


@functools.lru_cache(maxsize=64)  # new people are all in one
def _stages(ids: tuple[UUID, ...]) -> str:
    return arrays.uuids(ids)


@functools.lru_cache(maxsize=64)  # what a batch writes is of one time
def _time(it: datetime | None) -> str:
    return it.isoformat() if it else copying.NULL
