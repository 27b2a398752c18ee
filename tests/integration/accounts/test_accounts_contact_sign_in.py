"""Customers sign in by code, and nobody else does."""

import asyncio
import hashlib
from typing import Any

import grpc
import pytest
from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2

from chassis import errors
from services.accounts.domain import codes
from tests.integration.accounts import login_parts
from tests.integration.accounts.contact_parts import PASSWORD
from tests.integration.accounts.contact_parts import portal as portal
from tests.integration.accounts.login_parts import CODE, OTHER_BROWSER, SMS, Portal
from tests.integration.serving import refused

ACTIVE = contact_login_pb2.CONTACT_LOGIN_STATE_ACTIVE


def wrong(code: str) -> str:
    """Another code of six digits."""
    return f"{(int(code) + 1) % 1_000_000:06}"


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
