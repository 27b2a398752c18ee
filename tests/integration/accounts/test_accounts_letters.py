"""Invitations, and mails with links: each once, whatever happens on the way."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import password_service_pb2 as pb2
from crm.accounts.v1 import user_service_pb2
from crm.accounts.v1.user_pb2 import User
from prometheus_client import REGISTRY

from chassis import errors
from chassis.context import Principal
from services.accounts.config import Settings
from tests.integration.accounts import post_parts
from tests.integration.accounts.post_parts import NEW, PASSWORD, Post
from tests.integration.serving import refused


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return post_parts.mailing(settings)


@pytest.fixture
async def post(house: Any, settings: Settings, serve: Any) -> Post:
    return await post_parts.post(house, settings, serve)


def count(state: str) -> float:
    """How many letters to staff came to a state, as an operator is told."""
    labels = {"letters": "password", "state": state}
    return REGISTRY.get_sample_value("mekong_accounts_letters_total", labels) or 0.0


class TestInviting:
    async def test_a_user_without_a_password_gets_a_link_and_chooses_one(
        self, house: Any, post: Post
    ) -> None:
        before = count("handed_over")
        added = await post.invite("lan")
        assert await post.make().round() == 1

        assert count("handed_over") == before + 1
        assert added.invited
        (mail,) = post.messages.requests
        assert (mail.address, mail.subject) == (added.email, "Mời bạn vào Mekong")
        assert (await house.deeds())[-1] == "user.invite"
        described = await post.describe(post.mailed())
        assert described.invitation
        rows = await house.sql("SELECT expire_time - now() AS left FROM password_links")
        assert 7 * 86_400 - 10 < rows[0].left.total_seconds() <= 7 * 86_400
        await post.choose(post.mailed())
        assert not (await post.sign_in(added.email, NEW)).user.invited

    async def test_what_waits_together_goes_in_the_order_it_was_asked_for(self, post: Post) -> None:
        asked = [(await post.invite(name)).email for name in ("chi", "an", "dao", "ba")]

        assert await post.make().round() == len(asked)

        assert [it.address for it in post.messages.requests] == asked

    async def test_until_then_nobody_signs_in_as_them(self, post: Post) -> None:
        added = await post.invite("lan")

        for password in ("", PASSWORD):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await post.sign_in(added.email, password)

    async def test_the_same_request_invites_once(self, house: Any, post: Post) -> None:
        user = User(email="once@b.vn", display_name="Once", role_id=house.roles["sales"])
        request = user_service_pb2.CreateUserRequest(user=user, request_id="r1")

        for _ in range(2):
            await house.users().CreateUser(request)
        await post.make().round()

        assert len(post.messages.requests) == 1

    async def test_another_link_is_sent_to_who_did_not_choose_yet(
        self, house: Any, post: Post
    ) -> None:
        added = await post.invite("lan")
        await post.make().round()

        await house.users().InviteUser(user_service_pb2.InviteUserRequest(id=added.id))
        await post.make().round()

        assert len(post.messages.taken) == 2
        await post.choose(post.mailed())
        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as refusal:
            await house.users().InviteUser(user_service_pb2.InviteUserRequest(id=added.id))
        assert refusal.error.metadata["to"] == "invited"

    async def test_nobody_invites_a_more_powerful_user(self, house: Any, post: Post) -> None:
        hr = Principal(str(uuid4()), "user", rights={"users": {"write": "all"}})

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            request = user_service_pb2.InviteUserRequest(id=house.admin_id)
            await house.users(hr).InviteUser(request)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.users().InviteUser(user_service_pb2.InviteUserRequest(id=str(uuid4())))

    async def test_who_got_a_password_meanwhile_gets_no_link(self, house: Any, post: Post) -> None:
        added = await post.invite("lan")
        request = user_service_pb2.SetPasswordRequest(id=added.id, new_password=PASSWORD)
        await house.users().SetPassword(request)

        assert await post.told() == post.messages.requests

        assert (len(post.messages.requests), await post.standing()) == (1, [("handed_over", "")])


class TestOnTheWay:
    async def test_one_whose_answer_was_lost_is_the_same_message_again(
        self, house: Any, post: Post
    ) -> None:
        await house.add("Lan")
        post.messages.loses_answers = 1

        await post.ask("lan@mekong.example")
        await post.make().round()
        assert await post.standing() == [("waiting", "")]
        assert await post.make().round() == 0  # it rests between tries
        (row,) = await house.sql("SELECT next_time - now() AS rests FROM password_letters")
        assert row.rests.total_seconds() <= 2
        await house.sql("UPDATE password_letters SET next_time = now()")
        await post.make().round()

        assert (len(post.messages.requests), len(post.messages.taken)) == (2, 1)
        assert await post.standing() == [("handed_over", "")]
        assert (await house.deeds()).count("user.ask_password_reset") == 1

    async def test_while_the_notifier_is_away_it_waits_and_its_link_is_made_anew(
        self, house: Any, post: Post
    ) -> None:
        await house.add("Lan")
        away = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="notifier")
        post.messages.refusal = away
        await post.ask("lan@mekong.example")
        await post.make().round()
        old = post.mailed()

        await house.sql("UPDATE password_links SET expire_time = now() + interval '4 minutes'")
        await house.sql("UPDATE password_letters SET next_time = now()")
        post.messages.refusal = None
        await post.make().round()

        assert await post.standing() == [("handed_over", "")]
        assert post.mailed() != old
        await post.choose(post.mailed())

    async def test_who_asks_again_meanwhile_gets_one_mail(self, house: Any, post: Post) -> None:
        await house.add("Lan")

        for _ in range(3):
            await post.ask("lan@mekong.example")
        await post.make().round()

        assert len(post.messages.requests) == 1

    async def test_one_that_waited_for_a_day_is_given_up(self, house: Any, post: Post) -> None:
        await house.add("Lan")
        await post.ask("lan@mekong.example")
        await house.sql("UPDATE password_letters SET create_time = now() - interval '25 hours'")

        await post.make().round()

        assert (post.messages.requests, await post.standing()) == ([], [("skipped", "TOO_LATE")])

    async def test_one_that_is_refused_says_why_and_its_link_ends(
        self, house: Any, post: Post
    ) -> None:
        await house.add("Lan")
        post.messages.refusal = errors.FailedPrecondition("ADDRESS_SUPPRESSED", "no")

        before = count("failed")
        token = await post.link("lan@mekong.example")

        assert await post.standing() == [("failed", "ADDRESS_SUPPRESSED")]
        assert count("failed") == before + 1
        with refused(errors.NotFound, "PASSWORD_LINK_INVALID"):
            await post.describe(token)

    async def test_a_sender_that_is_none_is_told_in_the_letter(
        self, house: Any, post: Post
    ) -> None:
        await house.add("Lan")
        await post.ask("lan@mekong.example")

        before = count("failed")
        await post.make(uuid4()).round()

        assert await post.standing() == [("failed", "SENDER_MISSING")]
        assert count("failed") == before + 1


class TestWithoutASender:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"staff_sender_identity_id": None})

    async def test_it_says_so_instead_of_pretending(self, house: Any) -> None:
        user = User(email="lan@b.vn", display_name="Lan", role_id=house.roles["sales"])
        asked: list[Callable[[], Awaitable[Any]]] = [
            lambda: house.links().RequestPasswordReset(
                pb2.RequestPasswordResetRequest(email="nobody@mekong.example")
            ),
            lambda: house.users().CreateUser(user_service_pb2.CreateUserRequest(user=user)),
        ]

        for ask in asked:
            with refused(errors.FailedPrecondition, "STAFF_SENDER_MISSING") as refusal:
                await ask()
            assert refusal.error.metadata == {"setting": "MEKONG_STAFF_SENDER_IDENTITY_ID"}
        assert await house.sql("SELECT 1 FROM users WHERE email = 'lan@b.vn'") == []
