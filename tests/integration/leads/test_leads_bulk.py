"""Contacts that go in by COPY are those that go in one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis import db
from chassis.errors import AlreadyExists
from chassis.scope import EVERYTHING
from services.leads.domain.contact import (
    Address,
    Birthday,
    Channel,
    Contact,
    ExternalId,
    Gender,
    Kind,
    Profile,
    Reach,
    Status,
)
from services.leads.storage import contacts

NOW = datetime(2026, 3, 10, 3, 0, 0, 123456, tzinfo=UTC)
ODD = 'a\\b\tc\nd\re"f,{g}\\N NULL'
BARE = Contact(
    id=UUID(int=1),
    revision=1,
    kind=Kind.LEAD,
    status=Status.NEW,
    profile=Profile(display_name="An", reference_code="B1"),
    create_time=NOW,
    update_time=NOW,
)
FULL = Contact(
    id=UUID(int=2),
    revision=7,
    kind=Kind.CUSTOMER,
    status=Status.LOST,
    lost_reason=ODD,
    life_stage_id=UUID(int=3),
    score=50,
    create_time=NOW,
    update_time=NOW + timedelta(days=1),
    convert_time=NOW + timedelta(hours=1),
    profile=Profile(
        reference_code="K 1",
        salutation="Chị",
        family_name="Trần",
        given_name="Đào 王",
        display_name="Trần Đào 王 ß",
        phones=(Reach("+84901234567", "+84901234567", "home", True, False),),
        emails=(
            Reach("An@A.example", "an@a.example"),
            Reach("b@a.example", "b@a.example", "work", True),
        ),
        company=ODD,
        job_title="x",
        gender=Gender.FEMALE,
        birthday=Birthday(2, 29),
        address=Address("1 Lê Lợi", "Phường", "Tỉnh", "66000", "VN"),
        locale="en-US",
        time_zone="Asia/Tokyo",
        region="jp",
        preferred_channel=Channel.EMAIL,
        source_id=UUID(int=4),
        referred_by_contact_id=UUID(int=5),
        owner_ids=(UUID(int=6), UUID(int=7)),
        team_id="t",
        tags=(ODD, "vip", ""),
        external_ids=(ExternalId("pos", ODD),),
        description=ODD,
    ),
)
TABLES = ("contacts", "contact_addresses", "contact_external_ids")


async def stored(sessions: db.Sessions, *, by_copy: bool) -> dict[str, list[object]]:
    """Write the contacts in one way, return all rows of theirs, and undo it."""
    async with sessions() as session:
        write = contacts.insert_many if by_copy else contacts.insert
        await write(session, [BARE, FULL])
        found = {
            it: list(await session.scalars(text(f"SELECT t::text FROM {it} AS t ORDER BY 1")))  # noqa: S608
            for it in TABLES
        }
        read = await contacts.batch_get(session, [BARE.id, FULL.id], EVERYTHING)
        found["read"] = sorted(read, key=lambda it: it.id)
        await session.rollback()
    return found


async def test_every_column_is_the_same(leads_sessions: db.Sessions) -> None:
    copied = await stored(leads_sessions, by_copy=True)

    assert copied == await stored(leads_sessions, by_copy=False)
    assert copied["read"] == [BARE, FULL]


@pytest.mark.parametrize("field", ["reference_code", "external_ids"])
async def test_what_another_has_is_named(leads_sessions: db.Sessions, field: str) -> None:
    values = {field: getattr(FULL.profile, field)}
    other = replace(BARE, profile=replace(BARE.profile, **values))

    with pytest.raises(AlreadyExists) as clash:
        async with leads_sessions.begin() as session:
            await contacts.insert_many(session, [FULL, other])

    assert clash.value.metadata["field"] == field
