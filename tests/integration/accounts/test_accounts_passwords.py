"""Forgotten passwords: asking for a link, which tells nothing, and choosing a password by it."""

import asyncio
from typing import Any

import pytest
from crm.accounts.v1 import password_service_pb2 as pb2
from crm.accounts.v1 import session_service_pb2, user_service_pb2
from crm.accounts.v1.user_pb2 import User
from crm.notifier.v1 import message_pb2

from chassis import errors
from services.accounts.config import Settings
from tests.integration.accounts import post_parts
from tests.integration.accounts.post_parts import ADVERTISER, IDENTITY, NEW, PASSWORD, URL, Post
from tests.integration.serving import refused


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return post_parts.mailing(settings)


@pytest.fixture
async def post(house: Any, settings: Settings, serve: Any) -> Post:
    return await post_parts.post(house, settings, serve)


class TestAsking:
    async def test_the_user_gets_one_mail_with_a_link_in_their_language(
        self, house: Any, post: Post
    ) -> None:
        lan = await house.add("Lan <b>", locale="en", email="lan@mekong.example")

        await post.ask("  LAN@mekong.example ")
        looked = await asyncio.gather(*(post.make().round() for _ in range(2)))

        assert sum(looked) == 1
        (mail,) = post.messages.requests
        assert (mail.address, mail.subject) == (lan.email, "Reset your Mekong password")
        assert mail.purpose == message_pb2.PURPOSE_TRANSACTIONAL
        assert (mail.advertiser_id, mail.sender_identity_id) == (str(ADVERTISER), str(IDENTITY))
        assert "Hello Lan &lt;b&gt;," in mail.html
        assert f'<a href="{URL}/password/{post.mailed()}">' in mail.html
        assert mail.request_id.startswith("password/")
        assert await post.standing() == [("handed_over", "")]
        assert (await house.deeds())[-1] == "user.ask_password_reset"

    async def test_who_has_no_account_is_answered_alike_and_forgotten(
        self, house: Any, post: Post
    ) -> None:
        gone = await house.add("Gone")
        await house.users().DeactivateUser(user_service_pb2.DeactivateUserRequest(id=gone.id))
        audited = await house.deeds()

        for email in ("nobody@mekong.example", gone.email):
            await post.ask(email)
        await post.make().round()

        assert (post.messages.requests, await post.standing()) == ([], [])
        assert await house.deeds() == audited

    async def test_it_runs_the_same_statements_whether_or_not_there_is_an_account(
        self, house: Any, post: Post
    ) -> None:
        await house.add("Lan")

        async def rows() -> list[Any]:
            tables = ("password_letters", "sign_in_failures", "password_links", "outbox")
            counts = [await house.sql(f"SELECT count(*) AS n FROM {it}") for it in tables]  # noqa: S608
            return [it[0].n for it in counts]

        before = await rows()
        await post.ask("lan@mekong.example", ip="198.51.100.1")
        known = await rows()
        await house.sql("DELETE FROM password_letters")
        await house.sql("DELETE FROM sign_in_failures")
        await post.ask("nobody@mekong.example", ip="198.51.100.1")

        assert await rows() == known != before

    async def test_one_address_asks_three_times_then_waits_real_or_not(
        self, house: Any, post: Post
    ) -> None:
        await house.add("Lan")
        for email in ("lan@mekong.example", "nobody@mekong.example"):
            for _ in range(3):
                await post.ask(email)
            with refused(errors.ResourceExhausted, "RATE_LIMITED") as refusal:
                await post.ask(email)
            assert 800 < (refusal.error.retry_after_seconds or 0) <= 900

    async def test_one_browser_asks_for_twenty_and_the_whole_house_for_a_hundred_a_minute(
        self, house: Any, post: Post
    ) -> None:
        for number in range(20):
            await post.ask(f"n{number}@mekong.example", ip="198.51.100.7")
        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await post.ask("other@mekong.example", ip="198.51.100.7")

        almost = "UPDATE sign_in_failures SET failures = 99, last_time = now() WHERE key = 'resets'"
        await house.sql(almost)
        await post.ask("m1@mekong.example", ip="203.0.113.1")
        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await post.ask("m2@mekong.example", ip="203.0.113.2")

    async def test_it_does_not_lock_anybody_out(self, house: Any, post: Post) -> None:
        lan = await house.add("Lan")
        for _ in range(3):
            await post.ask(lan.email)

        assert (await post.sign_in(lan.email, PASSWORD)).session_secret

    async def test_what_is_no_address_is_named(self, post: Post) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await post.ask("lan")

        assert refusal.fields() == ["email"]

    async def test_only_services_may_ask(self, house: Any) -> None:
        for call, request in (
            ("RequestPasswordReset", pb2.RequestPasswordResetRequest()),
            ("DescribePasswordLink", pb2.DescribePasswordLinkRequest()),
            ("ResetPassword", pb2.ResetPasswordRequest()),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await getattr(house.links(house.admin), call)(request)


class TestChoosing:
    async def test_the_link_sets_the_password_once_and_ends_all_sessions(
        self, house: Any, post: Post
    ) -> None:
        lan = await house.add("Lan")
        session = await post.sign_in(lan.email, PASSWORD)
        token = await post.link(lan.email)

        described = await post.describe(token)
        await post.choose(token)

        assert (described.email, described.invitation) == (lan.email, False)
        assert (await post.sign_in(lan.email, NEW)).session_secret
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await post.sign_in(lan.email, PASSWORD)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            request = session_service_pb2.ExchangeSessionRequest(
                session_secret=session.session_secret
            )
            await house.signing_in().ExchangeSession(request)
        with refused(errors.NotFound, "PASSWORD_LINK_INVALID"):
            await post.choose(token)
        assert "user.reset_password" in await house.deeds()

    async def test_of_two_who_use_it_at_once_one_does(self, house: Any, post: Post) -> None:
        token = await post.link((await house.add("Lan")).email)

        answers = await asyncio.gather(
            *(post.choose(token) for _ in range(2)), return_exceptions=True
        )

        assert sum(it is None for it in answers) == 1

    async def test_it_can_be_read_nowhere_in_the_database(self, house: Any, post: Post) -> None:
        await house.add("Lan")
        post.messages.loses_answers = 1
        token = await post.link("lan@mekong.example")

        tables = ("password_links", "password_letters", "outbox")
        kept = [await house.sql(f"SELECT t::text AS row FROM {it} t") for it in tables]  # noqa: S608
        texts = [row.row for rows in kept for row in rows]
        assert texts
        assert all(token not in it and token.encode().hex() not in it for it in texts)

    @pytest.mark.parametrize(
        "why", ["late", "unknown", "shut out", "new password", "new address", "another link"]
    )
    async def test_one_that_ended_says_so(self, house: Any, post: Post, why: str) -> None:
        lan = await house.add("Lan")
        token = await post.link(lan.email)
        match why:
            case "late":
                rows = await house.sql("SELECT expire_time - now() AS left FROM password_links")
                assert 1790 < rows[0].left.total_seconds() <= 1800
                await house.sql("UPDATE password_links SET expire_time = now()")
            case "unknown":
                token = "of-nobody"
            case "shut out":
                request = user_service_pb2.DeactivateUserRequest(id=lan.id)
                await house.users().DeactivateUser(request)
            case "new password":
                request = user_service_pb2.SetPasswordRequest(id=lan.id, new_password=PASSWORD)
                await house.users().SetPassword(request)
            case "new address":
                changed = User(id=lan.id, email="lan.new@mekong.example")
                await house.users().UpdateUser(user_service_pb2.UpdateUserRequest(user=changed))
            case "another link":
                await post.choose(await post.link(lan.email))

        with refused(errors.NotFound, "PASSWORD_LINK_INVALID"):
            await post.describe(token)
        with refused(errors.NotFound, "PASSWORD_LINK_INVALID"):
            await post.choose(token)

    async def test_a_password_that_is_too_short_is_named_and_the_link_stays(
        self, house: Any, post: Post
    ) -> None:
        token = await post.link((await house.add("Lan")).email)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await post.choose(token, "short")

        assert refusal.fields() == ["new_password"]
        await post.choose(token)

    async def test_who_was_locked_out_gets_in_with_the_new_password(
        self, house: Any, post: Post
    ) -> None:
        lan = await house.add("Lan")
        for _ in range(5):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await post.sign_in(lan.email, "wrong password")

        await post.choose(await post.link(lan.email))

        assert (await post.sign_in(lan.email, NEW)).session_secret
