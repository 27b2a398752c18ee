"""Signing in in two steps: challenges, codes that are accepted once, recovery codes."""

import asyncio
import time
from typing import Any

import pytest
from crm.accounts.v1 import second_factor_service_pb2 as pb2
from crm.accounts.v1 import session_service_pb2, user_service_pb2

from chassis import errors
from tests.integration.accounts.factor_parts import PASSWORD, Person, added, wrong
from tests.integration.serving import refused


@pytest.fixture
async def lan(house: Any) -> Person:
    return await added(house, "Lan")


class TestSigningIn:
    async def test_the_code_gives_the_session_that_the_password_did_not(
        self, house: Any, lan: Person
    ) -> None:
        await lan.enroll()

        asked = await lan.sign_in()
        made = await lan.complete(asked.challenge, f" {await lan.fresh_code()} ")

        assert not asked.session_secret
        assert not asked.HasField("session")
        assert not asked.HasField("user")
        assert 0 < asked.challenge_expire_time.seconds - time.time() <= 300
        assert made.session_secret not in ("", asked.challenge)
        assert made.session.user_agent == "Firefox"
        assert (await house.deeds())[-1] == "user.sign_in"

    async def test_a_code_is_accepted_once(self, lan: Person) -> None:
        await lan.enroll()
        first, second = await lan.sign_in(), await lan.sign_in()
        code = await lan.fresh_code()

        await lan.complete(first.challenge, code)

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await lan.complete(second.challenge, code)

    async def test_of_two_who_give_the_same_code_at_once_one_gets_in(self, lan: Person) -> None:
        await lan.enroll()
        asked = [(await lan.sign_in()).challenge for _ in range(2)]
        code = await lan.fresh_code()

        answers = await asyncio.gather(
            *(lan.complete(each, code) for each in asked), return_exceptions=True
        )

        assert sum(hasattr(it, "session_secret") for it in answers) == 1

    async def test_the_code_that_enrolled_is_used_up(self, lan: Person) -> None:
        await lan.begin()
        code = lan.code()
        await lan.factors.ConfirmSecondFactor(pb2.ConfirmSecondFactorRequest(code=code))

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await lan.complete((await lan.sign_in()).challenge, code)

    async def test_a_challenge_is_for_nothing_else_and_for_once(
        self, house: Any, lan: Person
    ) -> None:
        await lan.enroll()
        asked = await lan.sign_in()

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            request = session_service_pb2.ExchangeSessionRequest(session_secret=asked.challenge)
            await house.signing_in().ExchangeSession(request)
        await lan.complete(asked.challenge, await lan.fresh_code())
        with refused(errors.Unauthenticated, "CHALLENGE_ENDED"):
            await lan.complete(asked.challenge, await lan.fresh_code())

    @pytest.mark.parametrize("why", ["late", "unknown", "shut out", "new password", "reset"])
    async def test_a_challenge_that_ended_says_so(self, house: Any, lan: Person, why: str) -> None:
        await lan.enroll()
        challenge = (await lan.sign_in()).challenge
        match why:
            case "late":
                await house.sql("UPDATE sign_in_challenges SET expire_time = now()")
            case "unknown":
                challenge = "of nobody"
            case "shut out":
                request = user_service_pb2.DeactivateUserRequest(id=lan.user.id)
                await house.users().DeactivateUser(request)
            case "new password":
                request = user_service_pb2.SetPasswordRequest(
                    id=lan.user.id, new_password="another long one"
                )
                await house.users().SetPassword(request)
            case "reset":
                reset = pb2.ResetSecondFactorRequest(id=lan.user.id)
                await house.factors(house.admin).ResetSecondFactor(reset)

        with refused(errors.Unauthenticated, "CHALLENGE_ENDED"):
            await lan.complete(challenge, await lan.fresh_code())

    async def test_wrong_codes_lock_out_as_wrong_passwords_do(self, lan: Person) -> None:
        await lan.enroll()
        challenge = (await lan.sign_in()).challenge

        for _ in range(5):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await lan.complete(challenge, wrong(lan.code()))
        await lan.house.hold()

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await lan.complete(challenge, await lan.fresh_code())
        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await lan.sign_in()

    async def test_a_right_password_in_between_gives_no_fresh_guesses(self, lan: Person) -> None:
        await lan.enroll()
        for _ in range(4):
            challenge = (await lan.sign_in()).challenge
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await lan.complete(challenge, wrong(lan.code()))

        challenge = (await lan.sign_in()).challenge
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await lan.complete(challenge, wrong(lan.code()))
        await lan.house.hold()

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await lan.sign_in()

    async def test_both_steps_right_forgive_what_failed_before(self, lan: Person) -> None:
        await lan.enroll()
        for _ in range(4):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await lan.sign_in("wrong password")
        await lan.complete((await lan.sign_in()).challenge, await lan.fresh_code())

        for _ in range(4):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await lan.sign_in("wrong password")
        assert (await lan.sign_in()).challenge

    async def test_only_services_may_ask(self, house: Any) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.signing_in(house.admin).CompleteSignIn(
                session_service_pb2.CompleteSignInRequest()
            )


class TestRecoveryCodes:
    async def test_each_gets_in_once_however_it_is_typed(self, house: Any, lan: Person) -> None:
        await lan.enroll()
        typed = lan.recovery[0].replace("-", " ").upper()

        made = await lan.complete((await lan.sign_in()).challenge, typed)

        assert made.session_secret
        assert (await lan.state()).recovery_codes_left == 9
        assert "user.use_recovery_code" in await house.deeds()
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await lan.complete((await lan.sign_in()).challenge, lan.recovery[0])

    async def test_another_users_are_of_no_use(self, house: Any, lan: Person) -> None:
        await lan.enroll()
        binh = await (await added(house, "Binh")).enroll()

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await lan.complete((await lan.sign_in()).challenge, binh.recovery[0])

    async def test_new_ones_take_the_place_of_the_old(self, house: Any, lan: Person) -> None:
        await lan.enroll()
        request = pb2.ReplaceRecoveryCodesRequest(password=PASSWORD, code=await lan.fresh_code())

        answer = await lan.factors.ReplaceRecoveryCodes(request)

        assert set(answer.codes).isdisjoint(lan.recovery)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await lan.complete((await lan.sign_in()).challenge, lan.recovery[1])
        assert (await lan.complete((await lan.sign_in()).challenge, answer.codes[0])).session_secret
        assert "user.replace_recovery_codes" in await house.deeds()

    async def test_new_ones_need_a_right_code(self, lan: Person) -> None:
        await lan.enroll()

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            request = pb2.ReplaceRecoveryCodesRequest(password=PASSWORD, code="123")
            await lan.factors.ReplaceRecoveryCodes(request)

        assert refusal.fields() == ["code"]
        assert (await lan.complete((await lan.sign_in()).challenge, lan.recovery[0])).session_secret
