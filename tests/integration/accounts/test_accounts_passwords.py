"""Forgotten passwords and invitations: links by e-mail, each once, whatever happens on the way."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.accounts.v1 import password_service_pb2 as pb2
from crm.accounts.v1 import session_service_pb2, user_service_pb2
from crm.accounts.v1.user_pb2 import User
from crm.notifier.v1 import (
    message_pb2,
    message_service_pb2_grpc,
    suppression_pb2,
    suppression_service_pb2_grpc,
)

from chassis import errors
from chassis.context import Principal
from services.accounts import clients
from services.accounts.config import Settings
from services.accounts.usecases.letters import Scribe
from services.accounts.workers.postman import Postman
from tests.integration.serving import refused

ADVERTISER, IDENTITY = uuid4(), uuid4()
URL = "https://crm.example.com"
PASSWORD, NEW = "a long password", "another long one"
LINK = re.compile(rf"{URL}/password/([\w-]+)")


class Messages(message_service_pb2_grpc.MessageServiceServicer):
    """Takes messages as the notifier does, one a request id; can be away or lose its answers."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.taken: dict[str, Any] = {}
        self.refusal: Exception | None = None
        self.loses_answers = 0

    async def SendMessage(self, request: Any, _: Any) -> Any:
        self.requests.append(request)
        if self.refusal is not None:
            raise self.refusal
        known = self.taken.setdefault(request.request_id, (str(uuid4()), request))
        assert known[1] == request, "a retry is word for word the same"
        if self.loses_answers:
            self.loses_answers -= 1
            raise RuntimeError("the answer is lost")
        return message_pb2.Message(id=known[0], channel=request.channel)


class Senders(suppression_service_pb2_grpc.SenderServiceServicer):
    """Knows one identity, for e-mail."""

    async def GetSenderIdentity(self, request: Any, _: Any) -> Any:
        if request.id != str(IDENTITY):
            raise errors.NotFound("RESOURCE_MISSING", "no such identity", resource="sender")
        return suppression_pb2.SenderIdentity(
            id=request.id, advertiser_id=str(ADVERTISER), channel=message_pb2.CHANNEL_EMAIL
        )


@dataclass
class Post:
    """Who mails links, the notifier, and what tests do with them."""

    house: Any
    messages: Messages
    make: Callable[..., Postman]

    async def ask(self, email: str, ip: str = "198.51.100.1") -> None:
        request = pb2.RequestPasswordResetRequest(email=email, ip=ip)
        await self.house.links().RequestPasswordReset(request)

    async def link(self, email: str) -> str:
        """Asks for a link and returns its token as it came by mail."""
        await self.ask(email)
        assert await self.make().round() == 1
        return self.mailed()

    def mailed(self) -> str:
        """The token of the newest mail."""
        found = LINK.search(self.messages.requests[-1].text)
        assert found is not None
        return found[1]

    async def choose(self, token: str, password: str = NEW) -> None:
        request = pb2.ResetPasswordRequest(token=token, new_password=password)
        await self.house.links().ResetPassword(request)

    async def describe(self, token: str) -> Any:
        return await self.house.links().DescribePasswordLink(
            pb2.DescribePasswordLinkRequest(token=token)
        )

    async def sign_in(self, email: str, password: str) -> Any:
        request = session_service_pb2.SignInRequest(email=email, password=password)
        return await self.house.signing_in().SignIn(request)

    async def invite(self, name: str, **given: Any) -> User:
        user = User(
            email=f"{name}@mekong.example",
            display_name=name.title(),
            role_id=self.house.roles["sales"],
            **given,
        )
        request = user_service_pb2.CreateUserRequest(user=user)
        made: User = await self.house.users().CreateUser(request)
        return made

    async def standing(self) -> list[tuple[str, str]]:
        rows = await self.house.sql("SELECT state, reason FROM password_letters ORDER BY id")
        return [tuple(row) for row in rows]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Those of a house that mails its staff."""
    return settings.model_copy(
        update={"staff_sender_identity_id": IDENTITY, "public_url": URL, "notifier_address": "-"}
    )


@pytest.fixture
async def post(house: Any, settings: Settings, serve: Any) -> Post:
    scripted: Any = (Messages, Senders)
    messages, senders = (peer() for peer in scripted)
    notifier = await serve(
        settings,
        "notifier",
        [
            (message_service_pb2_grpc.add_MessageServiceServicer_to_server, messages),
            (suppression_service_pb2_grpc.add_SenderServiceServicer_to_server, senders),
        ],
    )
    me = Principal("accounts", "service")

    def make(identity: UUID = IDENTITY) -> Postman:
        tokens = clients.OwnTokens(lambda audience: notifier.token(me))
        mail = clients.connect(settings, notifier.address, tokens, identity)
        scribe = Scribe(settings.encryption_key(), settings.public_url)
        return Postman(house.sessions, scribe, mail, lease_seconds=60, every_seconds=1)

    return Post(house, messages, make)


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


class TestInviting:
    async def test_a_user_without_a_password_gets_a_link_and_chooses_one(
        self, house: Any, post: Post
    ) -> None:
        added = await post.invite("lan")
        assert await post.make().round() == 1

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

    async def test_who_got_a_password_meanwhile_gets_no_mail(self, house: Any, post: Post) -> None:
        added = await post.invite("lan")
        request = user_service_pb2.SetPasswordRequest(id=added.id, new_password=PASSWORD)
        await house.users().SetPassword(request)

        await post.make().round()

        assert (post.messages.requests, await post.standing()) == ([], [])


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

        token = await post.link("lan@mekong.example")

        assert await post.standing() == [("failed", "ADDRESS_SUPPRESSED")]
        with refused(errors.NotFound, "PASSWORD_LINK_INVALID"):
            await post.describe(token)

    async def test_a_sender_that_is_none_is_told_in_the_letter(
        self, house: Any, post: Post
    ) -> None:
        await house.add("Lan")
        await post.ask("lan@mekong.example")

        await post.make(uuid4()).round()

        assert await post.standing() == [("failed", "SENDER_MISSING")]


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
