"""Who is not known or keeps failing learns nothing and waits."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from chassis import db, errors
from services.accounts.config import Settings
from services.accounts.domain import lockout
from services.accounts.domain.logins import Channel
from tests.integration.accounts import login_parts, post_parts
from tests.integration.accounts.contact_parts import NEW, PASSWORD
from tests.integration.accounts.contact_parts import portal as portal
from tests.integration.accounts.login_parts import Portal
from tests.integration.serving import refused


@contextmanager
def statements(sessions: db.Sessions) -> Iterator[list[str]]:
    """What the database is told meanwhile, without the values."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = sessions.kw["bind"].sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


class TestWhoIsNotKnown:
    async def test_nothing_is_sent_kept_or_told(self, house: Any, portal: Portal) -> None:
        await portal.ask("nobody@example.vn")
        await portal.ask("0987 654 321")
        await portal.deliver()

        assert portal.messages.requests == []
        assert await portal.standing() == []
        for address in ("nobody@example.vn", "0987 654 321", "no address"):
            for proof in ({"code": "123456"}, {"password": PASSWORD}):
                with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                    await portal.sign_in(address, **proof)

    async def test_what_is_no_address_is_named(self, portal: Portal) -> None:
        for address in ("", "no address", "a@b", "12345"):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await portal.ask(address)
            assert refusal.fields() == ["address"]

    async def test_an_answer_takes_as_long_as_for_somebody(
        self, house: Any, portal: Portal
    ) -> None:
        login = await portal.add("Lan")
        await portal.code(login.address)

        async def took(address: str) -> float:
            began = time.perf_counter()
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(address, password="wrong wrong wrong")
            await house.sql("DELETE FROM sign_in_failures")
            return time.perf_counter() - began

        known, unknown = [], []
        for _ in range(15):
            known.append(await took(login.address))
            unknown.append(await took("nobody@example.vn"))

        assert 0.5 < statistics.median(known) / statistics.median(unknown) < 2

    @pytest.mark.parametrize("proof", [{"code": "000000"}, {"password": NEW}], ids=["code", "pass"])
    async def test_as_much_is_done_as_for_somebody(
        self, house: Any, portal: Portal, proof: dict[str, str]
    ) -> None:
        login, token = await portal.invited("Lan")
        await portal.accept(token, PASSWORD)
        await portal.code(login.address)

        async def done(address: str) -> list[str]:
            no = refused(errors.Unauthenticated, "SIGN_IN_REFUSED")
            with statements(portal.house.sessions) as seen, no:
                await portal.sign_in(address, **proof)
            return seen

        known, unknown = await done(login.address), await done("nobody@example.vn")

        assert known == unknown
        assert known
        assert (await house.deeds())[-2:] == ["contact.sign_in_refused"] * 2

    async def test_a_channel_without_a_sender_says_the_same_to_everybody(
        self, house: Any, sessions: db.Sessions, settings: Settings, serve: Any
    ) -> None:
        mute = {Channel.EMAIL: post_parts.IDENTITY}
        portal = await login_parts.portal(house, sessions, settings, serve, mute)

        with refused(errors.FailedPrecondition, "CONTACT_SENDER_MISSING"):
            await portal.ask("0912 345 678")


class TestWhoKeepsFailing:
    async def test_an_account_waits_whether_there_is_one_or_not(self, portal: Portal) -> None:
        login = await portal.add("Lan")
        for address in (login.address, "nobody@example.vn"):
            for number in range(5):
                with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                    await portal.sign_in(address, password=NEW, ip=f"198.51.100.{number}")
            await portal.house.hold()
            with refused(errors.ResourceExhausted, "RATE_LIMITED") as refusal:
                await portal.sign_in(address, password=PASSWORD)
            assert refusal.error.retry_after_seconds

    async def test_a_network_address_waits_whoever_is_tried(self, portal: Portal) -> None:
        for number in range(lockout.FREE_CUSTOMERS):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(f"nobody{number}@example.vn", code="000000")
        await portal.house.hold()

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await portal.sign_in("nobody@example.vn", code="000000")

    async def test_one_who_signs_in_forgives_nobody_else_at_the_network_address(
        self, house: Any, portal: Portal
    ) -> None:
        login, token = await portal.invited("Lan")
        await portal.accept(token, PASSWORD)
        for number in range(3):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(f"nobody{number}@example.vn", password=NEW)

        await portal.sign_in(login.address, password=PASSWORD)

        key = lockout.address_key(login_parts.IP, lockout.Realm.CUSTOMERS)
        (kept,) = await house.sql("SELECT failures FROM sign_in_failures WHERE key = :k", k=key)
        assert kept.failures == 3

    async def test_a_colleague_with_the_same_address_does_not_wait(
        self, house: Any, portal: Portal
    ) -> None:
        same = "lan@mekong.example"
        await house.add("Lan")
        await portal.add("Lan", emails=[{"address": same, "valid": True}])
        for _ in range(5):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(same, password=NEW)

        post = post_parts.Post(house, portal.messages, lambda: portal.postman)
        await post.sign_in(same, PASSWORD)

    async def test_codes_are_asked_for_a_few_times(self, portal: Portal) -> None:
        for address in ((await portal.add("Lan")).address, "nobody@example.vn"):
            for _ in range(5):
                await portal.ask(address)
            with refused(errors.ResourceExhausted, "RATE_LIMITED"):
                await portal.ask(address)
