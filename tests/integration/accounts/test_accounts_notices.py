"""Mails that ask a user whether it was them who changed how they sign in."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from crm.accounts.v1 import second_factor_service_pb2 as factor_pb2
from crm.accounts.v1 import user_service_pb2
from crm.accounts.v1.user_pb2 import User

from chassis import errors
from chassis.context import Principal
from services.accounts.config import Settings
from tests.integration.accounts import post_parts
from tests.integration.accounts.factor_parts import Person, added, wrong
from tests.integration.accounts.post_parts import NEW, PASSWORD, URL, Post
from tests.integration.serving import refused


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return post_parts.mailing(settings)


@pytest.fixture
async def post(house: Any, settings: Settings, serve: Any) -> Post:
    return await post_parts.post(house, settings, serve)


async def change_password(house: Any, user: Any, old: str = PASSWORD) -> None:
    request = user_service_pb2.SetPasswordRequest(id="me", old_password=old, new_password=NEW)
    await house.users(Principal(user.id, "user")).SetPassword(request)


class TestWhatIsTold:
    async def test_a_changed_password_in_the_users_language_and_time(
        self, house: Any, post: Post
    ) -> None:
        lan = await house.add("Lan <b>", locale="en", time_zone="Europe/Paris", email="lan@b.vn")
        began = datetime.now(UTC).replace(second=0, microsecond=0)

        await change_password(house, lan)
        (mail,) = await post.told()

        assert (mail.address, mail.subject) == (
            "lan@b.vn",
            "Was it you? How you sign in to Mekong has changed",
        )
        assert "Your Mekong password was changed" in mail.text
        shown = re.search(r"When: (\d\d \w+ \d{4}, \d\d:\d\d) \(Europe/Paris\)\.", mail.text)
        assert shown is not None
        at = datetime.strptime(shown[1], "%d %b %Y, %H:%M").replace(tzinfo=ZoneInfo("Europe/Paris"))
        assert began <= at <= datetime.now(UTC)
        assert "Hello Lan &lt;b&gt;," in mail.html
        assert f'<a href="{URL}/account/security">' in mail.html
        assert mail.not_after.ToDatetime(tzinfo=UTC) - began > timedelta(days=6)
        for secret in (PASSWORD, NEW, "/password/"):
            assert secret not in mail.text + mail.html
        assert (await house.deeds())[-1] == "user.set_password"

    async def test_one_that_an_administrator_set(self, house: Any, post: Post) -> None:
        lan = await house.add("Lan")
        request = user_service_pb2.SetPasswordRequest(id=lan.id, new_password=NEW)

        await house.users().SetPassword(request)

        (mail,) = await post.told()
        assert (mail.address, "Quản trị viên Mekong đã đặt" in mail.text) == (lan.email, True)

    async def test_one_that_was_chosen_by_a_link(self, house: Any, post: Post) -> None:
        lan = await house.add("Lan")
        token = await post.link(lan.email)

        await post.choose(token)

        (mail,) = await post.told()
        assert "bằng liên kết gửi đến địa chỉ này" in mail.text
        assert token not in mail.text + mail.html

    async def test_a_first_password_is_not_told_to_who_was_invited(
        self, house: Any, post: Post
    ) -> None:
        await post.invite("lan")
        await post.make().round()

        await post.choose(post.mailed())

        assert await post.told() == []

    async def test_a_second_factor_new_codes_and_the_factors_end(
        self, house: Any, post: Post
    ) -> None:
        lan = await (await added(house, "Lan")).enroll()
        replace = factor_pb2.ReplaceRecoveryCodesRequest(
            password=PASSWORD, code=await lan.fresh_code()
        )
        codes = (await lan.factors.ReplaceRecoveryCodes(replace)).codes
        remove = factor_pb2.RemoveSecondFactorRequest(
            password=PASSWORD, code=await lan.fresh_code()
        )
        await lan.factors.RemoveSecondFactor(remove)

        mails = await post.told()

        whole = "".join(it.text + it.html for it in mails)
        told = ("cần thêm mã từ ứng dụng", "Mã khôi phục mới", "không cần mã nữa")
        assert [sum(it in mail.text for mail in mails) for it in told] == [1, 1, 1]
        assert len(mails) == 3
        assert not any(it in whole for it in (lan.secret, *lan.recovery, *codes))

    async def test_one_that_an_administrator_reset(self, house: Any, post: Post) -> None:
        lan = await (await added(house, "Lan")).enroll()
        request = factor_pb2.ResetSecondFactorRequest(id=lan.user.id)

        for _ in range(2):
            await house.factors(house.admin).ResetSecondFactor(request)

        told = [it for it in await post.told() if "Quản trị viên Mekong đã tắt" in it.text]
        assert len(told) == 1


class TestWhatIsNotTold:
    async def test_what_was_refused(self, house: Any, post: Post) -> None:
        lan = await added(house, "Lan")
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await change_password(house, lan.user, old="wrong wrong wrong")
        await lan.begin()
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            request = factor_pb2.ConfirmSecondFactorRequest(code=wrong(lan.code()))
            await lan.factors.ConfirmSecondFactor(request)
        with refused(errors.NotFound, "PASSWORD_LINK_INVALID"):
            await post.choose("of-nobody")

        assert await house.sql("SELECT 1 FROM password_letters") == []

    async def test_who_was_shut_out_meanwhile(self, house: Any, post: Post) -> None:
        lan = await house.add("Lan")
        await change_password(house, lan)
        await house.users().DeactivateUser(user_service_pb2.DeactivateUserRequest(id=lan.id))

        assert (await post.told(), await post.standing()) == ([], [])

    async def test_a_kind_that_a_later_release_knows_stays_for_it(
        self, house: Any, post: Post
    ) -> None:
        await house.sql(
            "INSERT INTO password_letters (id, kind, recipient) VALUES (:id, 'later', 'x')",
            id=uuid4(),
        )

        assert (await post.make().round(), await post.standing()) == (0, [("waiting", "")])


class TestOnTheWay:
    async def test_a_lost_answer_is_the_same_mail_again(self, house: Any, post: Post) -> None:
        lan = await house.add("Lan")
        await change_password(house, lan)
        post.messages.loses_answers = 1

        assert len(await post.told()) == 1
        user = User(id=lan.id, display_name="Lan Lê")
        await house.users().UpdateUser(user_service_pb2.UpdateUserRequest(user=user))
        await house.sql("UPDATE password_letters SET next_time = now()")
        await post.told()

        assert (len(post.messages.requests), len(post.messages.taken)) == (2, 1)
        assert await post.standing() == [("handed_over", "")]

    async def test_of_two_changes_while_the_notifier_is_away_both_are_told(
        self, house: Any, post: Post
    ) -> None:
        lan = await house.add("Lan")
        away = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="notifier")
        post.messages.refusal = away
        await change_password(house, lan)
        await change_password(house, lan, old=NEW)
        await post.told()

        post.messages.refusal = None
        await house.sql("UPDATE password_letters SET next_time = now()")
        await post.told()

        assert len(post.messages.taken) == 2
        assert await post.standing() == [("handed_over", "")] * 2

    async def test_one_that_waited_for_a_week_is_given_up(self, house: Any, post: Post) -> None:
        await change_password(house, await house.add("Lan"))
        await house.sql("UPDATE password_letters SET create_time = now() - interval '169 hours'")

        assert (await post.told(), await post.standing()) == ([], [("skipped", "TOO_LATE")])

    async def test_one_that_is_refused_says_why(self, house: Any, post: Post) -> None:
        await change_password(house, await house.add("Lan"))
        post.messages.refusal = errors.FailedPrecondition("ADDRESS_SUPPRESSED", "no")

        await post.told()

        assert await post.standing() == [("failed", "ADDRESS_SUPPRESSED")]


class TestWithoutASender:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"staff_sender_identity_id": None})

    async def test_nothing_is_written_and_everything_is_done(self, house: Any) -> None:
        lan = await house.add("Lan")
        await Person(house, lan, str(uuid4())).enroll()

        await change_password(house, lan)

        assert await house.sql("SELECT 1 FROM password_letters") == []
        deeds = await house.deeds()
        assert {"user.enroll_second_factor", "user.set_password"} <= set(deeds)
