"""Customers sign in by code, password or invitation, and nobody else does."""

import asyncio
import hashlib
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from sqlalchemy import event

from chassis import db, errors
from services.accounts.config import Settings
from services.accounts.domain import codes, lockout
from services.accounts.domain.logins import Channel
from tests.integration.accounts import login_parts, post_parts
from tests.integration.accounts.login_parts import CODE, OTHER_BROWSER, SMS, Portal
from tests.integration.serving import refused

ACTIVE = contact_login_pb2.CONTACT_LOGIN_STATE_ACTIVE
PASSWORD, NEW = "a long password", "another long one"


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)


def wrong(code: str) -> str:
    """Another code of six digits."""
    return f"{(int(code) + 1) % 1_000_000:06}"


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


class TestACode:
    @pytest.mark.parametrize("by", [SMS, login_parts.EMAIL], ids=["sms", "email"])
    async def test_it_signs_in_at_once_who_was_invited(
        self, house: Any, portal: Portal, by: Any
    ) -> None:
        login = await portal.add("Lan", by=by)

        code = await portal.code(login.address)
        signed_in = await portal.sign_in(login.address, code=f" {code[:3]} {code[3:]}")

        assert signed_in.contact_login.state == ACTIVE
        assert signed_in.contact_login.last_sign_in_time.seconds
        assert (await house.deeds())[-1] == "contact.sign_in"
        assert portal.messages.requests[-1].not_after.seconds

    @pytest.mark.parametrize("typed", ["0912 345 678", "+84 912 345 678", "84912345678"])
    async def test_a_number_is_known_however_it_is_written(
        self, portal: Portal, typed: str
    ) -> None:
        await portal.add("Lan", by=SMS, phones=[{"number": "+84912345678", "valid": True}])

        await portal.sign_in(typed, code=await portal.code(typed))

    async def test_an_sms_binds_it_to_our_page(self, portal: Portal) -> None:
        login = await portal.add("Lan", by=SMS)

        code = await portal.code(login.address)

        text = portal.messages.requests[-1].text
        assert text.splitlines()[-1] == f"@khach.example.com #{code}"
        assert text.isascii()
        assert len(text) <= 160

    async def test_it_is_taken_once(self, portal: Portal) -> None:
        login = await portal.add("Lan")
        code = await portal.code(login.address)
        await portal.sign_in(login.address, code=code)

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, code=code)

    async def test_a_new_one_ends_the_one_before(
        self, portal: Portal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        login = await portal.add("Lan")
        monkeypatch.setattr(codes, "new", iter(("111111", "222222")).__next__)
        old, new = await portal.code(login.address), await portal.code(login.address)

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, code=old)
        await portal.sign_in(login.address, code=new)

    async def test_after_ten_minutes_it_is_none(self, house: Any, portal: Portal) -> None:
        login = await portal.add("Lan")
        code = await portal.code(login.address)
        (row,) = await house.sql("SELECT expire_time - now() AS left FROM contact_browser_codes")
        await house.sql("UPDATE contact_browser_codes SET expire_time = now()")

        assert 590 < row.left.total_seconds() <= 600
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, code=code)

    async def test_after_five_wrong_tries_the_right_one_is_none(
        self, house: Any, portal: Portal
    ) -> None:
        login = await portal.add("Lan")
        code = await portal.code(login.address)
        for _ in range(5):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(login.address, code=wrong(code))

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, code=code)
        assert (await house.deeds()).count("contact.sign_in_refused") == 6

    async def test_it_works_in_the_browser_that_asked_alone(self, portal: Portal) -> None:
        login = await portal.add("Lan")
        code = await portal.code(login.address)

        for browser in (OTHER_BROWSER, ""):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(login.address, code=code, browser_secret=browser)
        await portal.sign_in(login.address, code=code)

    async def test_somebody_else_who_asks_and_guesses_ends_none_of_ours(
        self, portal: Portal
    ) -> None:
        login, token = await portal.invited("Lan")
        await portal.accept(token, PASSWORD)
        code = await portal.code(login.address)
        other = await portal.code(login.address, OTHER_BROWSER)
        for _ in range(6):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                given = {"code": wrong(other), "browser_secret": OTHER_BROWSER}
                await portal.sign_in(login.address, **given)

        await portal.sign_in(login.address, password=PASSWORD)
        again = await portal.code(login.address)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, code=code)
        await portal.sign_in(login.address, code=again)

    async def test_both_who_ask_at_once_get_one(self, portal: Portal) -> None:
        login = await portal.add("Lan")
        await portal.deliver()
        await portal.ask(login.address, browser=OTHER_BROWSER)
        await portal.ask(login.address)

        await portal.deliver()

        found = [CODE.search(it.text) for it in portal.messages.requests[-2:]]
        answers = await asyncio.gather(
            *(portal.sign_in(login.address, code=it[1]) for it in found if it),
            return_exceptions=True,
        )
        assert [isinstance(it, grpc.aio.AioRpcError) for it in answers].count(False) == 1

    async def test_a_browser_without_a_secret_gets_none(self, portal: Portal) -> None:
        for browser in ("", "short", "x" * 101):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await portal.ask("lan@example.vn", browser=browser)
            assert refusal.fields() == ["browser_secret"]

    async def test_two_who_use_it_at_once_are_one_session(self, house: Any, portal: Portal) -> None:
        login = await portal.add("Lan")
        code = await portal.code(login.address)

        answers = await asyncio.gather(
            *(portal.sign_in(login.address, code=code) for _ in range(4)), return_exceptions=True
        )

        assert len([it for it in answers if not isinstance(it, BaseException)]) == 1
        assert len(await house.sql("SELECT 1 FROM contact_sessions")) == 1

    async def test_it_is_of_one_login_and_the_same_two_are_kept_as_different_ones(
        self, house: Any, portal: Portal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lan, binh = await portal.add("Lan"), await portal.add("Binh")
        monkeypatch.setattr(codes, "new", iter(("111111", "222222", "111111")).__next__)
        of_lan = await portal.code(lan.address)
        await portal.code(binh.address)

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(binh.address, code=of_lan)
        await portal.code(binh.address)

        kept = await house.sql("SELECT code_hash FROM contact_browser_codes")
        assert len({bytes(row.code_hash) for row in kept}) == 2
        plain = {hashlib.sha256(of_lan.encode()).digest(), of_lan.encode()}
        assert plain.isdisjoint(bytes(row.code_hash) for row in kept)

    async def test_by_the_channel_that_the_login_has_not_none_is_sent(self, portal: Portal) -> None:
        contact = portal.knows("Lan")
        await portal.staff().CreateContactLogin(
            pb2.CreateContactLoginRequest(contact_id=contact.id, channel=login_parts.EMAIL)
        )
        await portal.deliver()
        sent = len(portal.messages.requests)

        await portal.ask(contact.phones[0].number)
        await portal.deliver()

        assert len(portal.messages.requests) == sent

    async def test_disabled_in_the_middle_it_is_none(self, portal: Portal) -> None:
        login = await portal.add("Lan")
        await portal.ask(login.address)
        await portal.disable(login)
        await portal.deliver()

        assert portal.messages.requests == []

    async def test_one_whose_answer_was_lost_is_the_same_message_again(
        self, house: Any, portal: Portal
    ) -> None:
        login = await portal.add("Lan")
        await portal.deliver()
        portal.messages.loses_answers = 1

        await portal.ask(login.address)
        await portal.deliver()
        await house.sql("UPDATE contact_letters SET next_time = now()")
        await portal.deliver()

        first, again = portal.messages.requests[-2:]
        assert first == again
        assert (await house.deeds()).count("contact.ask_code") == 1

    async def test_one_that_waited_too_long_is_given_up(self, house: Any, portal: Portal) -> None:
        login = await portal.add("Lan")
        await portal.deliver()
        await portal.ask(login.address)
        await house.sql("UPDATE contact_letters SET create_time = now() - interval '11 minutes'")

        await portal.deliver()

        assert (await portal.standing())[-1] == ("skipped", "TOO_LATE")


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
            with refused(errors.ResourceExhausted, "RATE_LIMITED") as refusal:
                await portal.sign_in(address, password=PASSWORD)
            assert refusal.error.retry_after_seconds

    async def test_a_network_address_waits_whoever_is_tried(self, portal: Portal) -> None:
        for number in range(lockout.FREE_CUSTOMERS):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(f"nobody{number}@example.vn", code="000000")

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


class TestAnInvitation:
    async def test_it_says_whom_it_is_for_and_lasts_for_seven_days(
        self, house: Any, portal: Portal
    ) -> None:
        login, token = await portal.invited("Lan", locale="en-GB")

        for _ in range(2):
            described = await portal.customers().DescribeContactInvitation(
                pb2.DescribeContactInvitationRequest(token=token)
            )

        assert (described.display_name, described.language) == ("Lan", "en")
        assert described.address == login.address
        (row,) = await house.sql("SELECT expire_time - now() AS left FROM contact_invitations")
        assert 7 * 86_400 - 60 < row.left.total_seconds() <= 7 * 86_400

    async def test_it_signs_in_once_without_a_password(self, portal: Portal) -> None:
        _, token = await portal.invited("Lan")

        signed_in = await portal.accept(token)

        assert not signed_in.contact_login.has_password
        with refused(errors.NotFound, "INVITATION_INVALID"):
            await portal.accept(token)

    async def test_two_who_use_it_at_once_are_one_session(self, house: Any, portal: Portal) -> None:
        _, token = await portal.invited("Lan")

        answers = await asyncio.gather(
            *(portal.accept(token, PASSWORD) for _ in range(4)), return_exceptions=True
        )

        assert len([it for it in answers if not isinstance(it, BaseException)]) == 1
        assert len(await house.sql("SELECT 1 FROM contact_sessions")) == 1

    async def test_a_password_that_was_chosen_works_from_then_on(self, portal: Portal) -> None:
        login, token = await portal.invited("Lan")

        signed_in = await portal.accept(token, PASSWORD)

        assert signed_in.contact_login.has_password
        await portal.sign_in(login.address, password=PASSWORD)

    async def test_a_password_that_is_too_short_leaves_it(self, portal: Portal) -> None:
        _, token = await portal.invited("Lan")

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await portal.accept(token, "short")

        assert refusal.fields() == ["password"]
        await portal.accept(token)

    async def test_after_its_time_or_a_sign_in_by_code_it_is_none(
        self, house: Any, portal: Portal
    ) -> None:
        login, token = await portal.invited("Lan")
        _, late = await portal.invited("Binh")
        await portal.sign_in(login.address, code=await portal.code(login.address))
        await house.sql("UPDATE contact_invitations SET expire_time = now()")

        for each in (token, late, "nonsense"):
            with refused(errors.NotFound, "INVITATION_INVALID"):
                await portal.accept(each)
            with refused(errors.NotFound, "INVITATION_INVALID"):
                await portal.customers().DescribeContactInvitation(
                    pb2.DescribeContactInvitationRequest(token=each)
                )


class TestProof:
    @pytest.mark.parametrize("given", [{}, {"code": "123456", "password": PASSWORD}])
    async def test_it_is_a_code_or_a_password(self, portal: Portal, given: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await portal.sign_in("a@b.vn", **given)

        assert refusal.fields() == ["code"]

    async def test_who_has_no_password_signs_in_with_none(self, portal: Portal) -> None:
        login, token = await portal.invited("Lan")
        await portal.accept(token)

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, password=" ")
