"""`audit verify` as a command, and many at once."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.db import inbox
from services.accounts import audit
from services.accounts.config import Settings
from services.accounts.domain import chain, walking
from services.accounts.domain.walking import Finding, Kind, Walk
from services.accounts.storage import chained
from services.accounts.usecases import trail
from tests.integration.accounts.audit_parts import chained_house as chained_house
from tests.integration.accounts.audit_parts import execute, happening, head


class TestTheCommand:
    async def test_it_says_what_it_found_and_ends_so(
        self, chained_house: Any, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept = await head(chained_house)

        assert await audit._run(settings, [kept]) == audit.INTACT
        assert "10 entries" in (out := capsys.readouterr().out)
        assert out.endswith("intact\n")

        await execute(chained_house, "DELETE FROM audit_entries WHERE sequence IN (5, 6)")
        assert await audit._run(settings, [kept]) == audit.BROKEN
        assert capsys.readouterr().out.splitlines()[1:] == ["removed: 5 to 6", "broken"]

    async def test_without_a_database_nobody_can_tell(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        away = settings.model_copy(
            update={"database_url": type(settings.seal_key)("postgresql+psycopg://a@127.0.0.1:1/a")}
        )

        assert await audit._run(away, []) == audit.UNKNOWN
        assert "does not answer" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "wrong", [["verify", "--head", "x"], ["verify", "--heads", "/nowhere/x"], ["erase"], []]
    )
    def test_what_it_does_not_understand_it_refuses(
        self, wrong: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            audit.main(wrong)

        assert ended.value.code == audit.UNKNOWN
        assert "usage" in capsys.readouterr().err

    def test_what_it_says_of_a_head_that_is_gone(self) -> None:
        said = audit._said(Finding(Kind.CUT_OFF, 9, 0))

        assert said == "an exported head is not in the chain, which ends at 8"


class TestManyAtOnce:
    async def test_several_replicas_and_redelivery_make_one_chain(self, house: Any) -> None:
        happened = [happening(number) for number in range(120)]

        async def deliver(start: int) -> None:
            some = happened[start : start + 40]
            async with house.sessions.begin() as session:
                fresh = await inbox.note(session, "accounts-audit", [it.id for it in some])
                await house.trail.chain(session, [it for it in some if it.id in fresh])

        await asyncio.gather(*(deliver(start) for start in (0, 20, 40, 60, 80, 0, 40, 80)))
        async with house.sessions.begin() as session:
            await house.trail.chain(session, happened)

        walk = await audit.verify(house.sessions, [])
        assert (walk.entries, walk.findings) == (120, [])
        async with house.sessions.begin() as session:
            keys = await session.scalar(text("SELECT count(*) FROM audit_keys"))
            ids = set(await session.scalars(text("SELECT id FROM audit_entries")))
        assert (keys, ids) == (3, {it.id for it in happened})

    async def test_those_that_come_together_keep_their_order(self, house: Any) -> None:
        happened = [happening(number, before=None, after=None) for number in range(50)]
        async with house.sessions.begin() as session:
            await house.trail.chain(session, happened)

        async with house.sessions.begin() as session:
            rows = await chained.following(session, walking.BEFORE_ALL, 100)
        assert [chain.Row.read(it).entry.id for it in rows] == [it.id for it in happened]

    async def test_what_is_stored_is_what_was_told(self, house: Any) -> None:
        odd = 'a"b\\c\n\t{đ}, NULL'
        one = happening(
            1, subject_id=odd, actor_id=odd, before={odd: [None, True, 1.5, {"x": odd}]}
        )
        async with house.sessions.begin() as session:
            await house.trail.chain(session, [one])
            await house.trail.chain(session, [happening(2, subject_id=odd)])

        async with house.sessions.begin() as session:
            newest, oldest = await house.trail.page(session, trail.Filter(), 9, None)
        assert oldest.told == one
        assert newest.told.subject_id == odd
        assert isinstance(UUID(newest.told.id), UUID)

    async def test_what_cannot_be_stored_leaves_nothing(self, house: Any) -> None:
        with pytest.raises(DBAPIError):
            async with house.sessions.begin() as session:
                await house.trail.chain(session, [happening(1), happening(2, service="a\0")])

        walk = Walk()
        async with house.sessions.begin() as session:
            assert await trail.follow(session, walk, {})
        assert (walk.entries, walk.findings) == (0, [])
