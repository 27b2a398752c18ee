"""Values of entries about a person can be read no more, and the chain verifies as before."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from services.accounts.domain.chain import Happening
from services.accounts.domain.walking import Walk
from services.accounts.storage.audit import Filter
from services.accounts.usecases import erasing, trail
from services.erasing import Person

HOA, LAN = UUID(int=1), UUID(int=2)


def happening(subject_id: object, subject_type: str = "contact") -> Happening:
    return Happening(
        id=str(uuid4()),
        time=datetime.now(UTC),
        service="leads",
        actor_id="u1",
        actor_kind="user",
        acting_service="",
        action=f"{subject_type}.update",
        subject_type=subject_type,
        subject_id=str(subject_id),
        request_id="r",
        before={"name": "Hoa"},
        after=None,
    )


async def chain(house: Any, *some: Happening) -> None:
    async with house.sessions.begin() as session:
        await house.trail.chain(session, some)


async def erase(house: Any, person: Person) -> dict[str, int]:
    async with house.sessions.begin() as session:
        return dict((await erasing.erase(session, person)).counts)


async def told(house: Any, subject_id: object) -> list[Any]:
    async with house.sessions.begin() as session:
        found = await house.trail.page(session, Filter(subject_id=str(subject_id)), 10, None)
    return [it.told.before for it in found]


class TestErasing:
    async def test_what_was_theirs_is_read_no_more_and_others_is(self, house: Any) -> None:
        await chain(house, happening(HOA), happening("n1", "note"), happening(LAN))
        person = Person((HOA,), subjects=frozenset({("note", "n1")}))

        counts = await erase(house, person)

        assert counts["audit_keys"] == 2
        assert await told(house, HOA) == [None]
        assert await told(house, "n1") == [None]
        assert await told(house, LAN) == [{"name": "Hoa"}]

    async def test_an_entry_that_comes_late_has_no_values(self, house: Any) -> None:
        await erase(house, Person((HOA,)))

        await chain(house, happening(HOA), happening(LAN))

        assert await told(house, HOA) == [None]
        assert await told(house, LAN) == [{"name": "Hoa"}]
        (kept,) = await house.sql(
            "SELECT sealed FROM audit_entries WHERE subject_id = :id", id=str(HOA)
        )
        assert kept.sealed is None

    async def test_the_chain_verifies_and_again_finds_nothing(self, house: Any) -> None:
        await chain(house, happening(HOA))
        await erase(house, Person((HOA,)))
        await chain(house, happening(HOA))

        assert await erase(house, Person((HOA,))) == {}
        walk = Walk()
        async with house.sessions.begin() as session:
            await trail.follow(session, walk, {})
        assert walk.findings == []

    async def test_addresses_somebody_signed_in_with_are_forgotten(self, house: Any) -> None:
        await house.sql("INSERT INTO sign_in_failures VALUES ('a:hoa@example.vn', 1, now(), now())")

        await erase(house, Person((HOA,), emails=("hoa@example.vn",)))

        assert await house.sql("SELECT 1 FROM sign_in_failures") == []

    async def test_an_address_that_is_part_of_another_stays_counted(self, house: Any) -> None:
        await house.sql(
            "INSERT INTO sign_in_failures VALUES ('a:bao.an@example.vn', 1, now(), now())"
        )

        await erase(house, Person((HOA,), emails=("an@example.vn",)))

        assert len(await house.sql("SELECT 1 FROM sign_in_failures")) == 1

    async def test_who_chains_entries_is_not_held_up_by_later_rounds(self, house: Any) -> None:
        await erase(house, Person((HOA,)))

        async with house.sessions.begin() as chaining:
            await chaining.execute(
                text("SELECT pg_advisory_xact_lock(hashtext('accounts audit chain'))")
            )
            async with asyncio.timeout(5):
                assert await erase(house, Person((HOA,))) == {}
