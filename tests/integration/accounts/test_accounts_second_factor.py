"""The second factor: enrolling, signing in with it, recovery codes, its end, its reset."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import pyotp
import pytest
from crm.accounts.v1 import second_factor_service_pb2 as pb2
from crm.accounts.v1 import session_service_pb2, user_service_pb2

from chassis import errors
from chassis.context import Principal
from services.accounts.domain.totp import STEP_SECONDS
from tests.integration.serving import refused

PASSWORD = "a long password"


class Person:
    """Somebody with an authenticator, whose clock tests set by steps of it."""

    def __init__(self, house: Any, user: Any, session_id: str = "") -> None:
        self.house = house
        self.user = user
        self.principal = Principal(user.id, "user")
        self.session_id = session_id
        self.secret = ""
        self.recovery: list[str] = []

    @property
    def factors(self) -> Any:
        return self.house.factors(self.principal, sid=self.session_id)

    def code(self, steps: int = 0) -> str:
        """The code that is shown so many steps from now."""
        return pyotp.TOTP(self.secret).at(int(time.time()) + steps * STEP_SECONDS)

    async def fresh_code(self) -> str:
        """A code as if none had been used before."""
        await self.house.sql("UPDATE second_factors SET last_step = 0")
        return self.code()

    async def begin(self) -> Any:
        request = pb2.EnrollSecondFactorRequest(password=PASSWORD)
        begun = await self.factors.EnrollSecondFactor(request)
        self.secret = begun.secret
        return begun

    async def enroll(self) -> "Person":
        await self.begin()
        answer = await self.factors.ConfirmSecondFactor(
            pb2.ConfirmSecondFactorRequest(code=self.code())
        )
        self.recovery = list(answer.codes)
        return self

    async def sign_in(self, password: str = PASSWORD) -> Any:
        request = session_service_pb2.SignInRequest(
            email=self.user.email, password=password, ip="198.51.100.1"
        )
        return await self.house.signing_in().SignIn(request)

    async def complete(self, challenge: str, code: str) -> Any:
        request = session_service_pb2.CompleteSignInRequest(
            challenge=challenge, code=code, user_agent="Firefox", ip="198.51.100.1"
        )
        return await self.house.signing_in().CompleteSignIn(request)

    async def state(self) -> Any:
        return await self.factors.GetSecondFactor(pb2.GetSecondFactorRequest(id="me"))


@pytest.fixture
async def lan(house: Any) -> Person:
    return Person(house, await house.add("Lan"), str(uuid4()))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


class TestEnrolling:
    async def test_it_counts_once_a_code_was_right(self, house: Any, lan: Person) -> None:
        begun = await lan.begin()
        assert (await lan.sign_in()).session_secret
        assert not (await lan.state()).enrolled

        code = lan.code()
        answer = await lan.factors.ConfirmSecondFactor(pb2.ConfirmSecondFactorRequest(code=code))

        assert begun.uri.startswith("otpauth://totp/Mekong:lan%40mekong.example?secret=")
        state = await lan.state()
        assert (state.enrolled, state.recovery_codes_left) == (True, 10)
        assert len(set(answer.codes)) == 10
        assert (await lan.sign_in()).challenge
        assert "user.enroll_second_factor" in await house.deeds()

    async def test_it_ends_the_other_sessions(self, house: Any, lan: Person) -> None:
        here, there = await lan.sign_in(), await lan.sign_in()
        lan.session_id = here.session.id

        await lan.enroll()

        (left,) = await house.sql("SELECT id FROM sessions WHERE user_id = :id", id=lan.user.id)
        assert str(left.id) == here.session.id != there.session.id

    async def test_neither_secret_nor_recovery_codes_can_be_read_in_the_database(
        self, house: Any, lan: Person
    ) -> None:
        await lan.enroll()

        kept = await house.sql("SELECT sealed_secret FROM second_factors")
        assert lan.secret.encode() not in bytes(kept[0].sealed_secret)
        hashes = await house.sql("SELECT code_hash FROM recovery_codes")
        plain = {it.encode() for code in lan.recovery for it in (code, code.replace("-", ""))}
        assert plain.isdisjoint(bytes(row.code_hash) for row in hashes)

    async def test_a_wrong_password_is_named_and_counts_as_a_failed_sign_in(
        self, lan: Person
    ) -> None:
        for _ in range(5):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                request = pb2.EnrollSecondFactorRequest(password="another password")
                await lan.factors.EnrollSecondFactor(request)
            assert refusal.fields() == ["password"]

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await lan.sign_in()

    async def test_a_wrong_code_is_named_and_counts_as_a_failed_sign_in(self, lan: Person) -> None:
        await lan.begin()

        for _ in range(5):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                request = pb2.ConfirmSecondFactorRequest(code=wrong(lan.code()))
                await lan.factors.ConfirmSecondFactor(request)
            assert refusal.fields() == ["code"]

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await lan.factors.ConfirmSecondFactor(pb2.ConfirmSecondFactorRequest(code=lan.code()))

    async def test_what_was_begun_long_ago_cannot_be_confirmed(
        self, house: Any, lan: Person
    ) -> None:
        await lan.begin()
        await house.sql("UPDATE second_factors SET create_time = now() - interval '61 minutes'")

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await lan.factors.ConfirmSecondFactor(pb2.ConfirmSecondFactorRequest(code=lan.code()))

    async def test_a_second_one_is_refused_until_the_first_is_removed(self, lan: Person) -> None:
        await lan.enroll()

        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as refusal:
            await lan.begin()

        assert refusal.error.metadata["state"] == "enrolled"

    async def test_programs_have_none(self, house: Any) -> None:
        program = house.factors(Principal(str(uuid4()), "client"))

        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await program.EnrollSecondFactor(pb2.EnrollSecondFactorRequest(password=PASSWORD))


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
        binh = await Person(house, await house.add("Binh"), str(uuid4())).enroll()

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


class TestRemoving:
    async def test_password_and_code_end_it_and_the_other_sessions(
        self, house: Any, lan: Person
    ) -> None:
        await lan.enroll()
        await lan.complete((await lan.sign_in()).challenge, lan.recovery[0])
        request = pb2.RemoveSecondFactorRequest(password=PASSWORD, code=await lan.fresh_code())

        await lan.factors.RemoveSecondFactor(request)

        assert await house.sql("SELECT 1 FROM sessions WHERE user_id = :id", id=lan.user.id) == []
        assert (await lan.sign_in()).session_secret
        assert "user.remove_second_factor" in await house.deeds()

    @pytest.mark.parametrize("field", ["password", "code"])
    async def test_what_is_wrong_is_named_and_it_stays(self, lan: Person, field: str) -> None:
        await lan.enroll()
        given = {"password": PASSWORD, "code": await lan.fresh_code()}
        given[field] = wrong(given["code"])

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await lan.factors.RemoveSecondFactor(pb2.RemoveSecondFactorRequest(**given))

        assert refusal.fields() == [field]
        assert (await lan.state()).enrolled

    async def test_without_one_there_is_nothing_to_remove(self, lan: Person) -> None:
        request = pb2.RemoveSecondFactorRequest(password=PASSWORD, code="123456")

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await lan.factors.RemoveSecondFactor(request)


class TestResetting:
    async def test_who_writes_users_resets_anothers_and_ends_their_sessions(
        self, house: Any, lan: Person
    ) -> None:
        await lan.enroll()
        await lan.complete((await lan.sign_in()).challenge, lan.recovery[0])

        for _ in range(2):
            request = pb2.ResetSecondFactorRequest(id=lan.user.id)
            await house.factors(house.admin).ResetSecondFactor(request)

        assert await house.sql("SELECT 1 FROM sessions WHERE user_id = :id", id=lan.user.id) == []
        assert (await lan.sign_in()).session_secret
        assert (await house.deeds()).count("user.reset_second_factor") == 1

    async def test_ones_own_takes_password_and_code(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            request = pb2.ResetSecondFactorRequest(id=house.admin_id)
            await house.factors(house.admin).ResetSecondFactor(request)

        assert refusal.fields() == ["id"]

    async def test_nobody_resets_that_of_a_more_powerful_user(self, house: Any) -> None:
        hr = Principal(str(uuid4()), "user", rights={"users": {"write": "all"}})

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            request = pb2.ResetSecondFactorRequest(id=house.admin_id)
            await house.factors(hr).ResetSecondFactor(request)

    async def test_it_needs_the_right_and_a_user(self, house: Any, lan: Person) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await lan.factors.ResetSecondFactor(pb2.ResetSecondFactorRequest(id=house.admin_id))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            request = pb2.ResetSecondFactorRequest(id=str(uuid4()))
            await house.factors(house.admin).ResetSecondFactor(request)


class TestReading:
    async def test_anothers_needs_the_right_to_write_users(self, house: Any, lan: Person) -> None:
        await lan.enroll()
        admin = house.factors(house.admin)
        colleague = Principal(str(uuid4()), "user", rights={"users": {"read": "all"}})

        assert (await admin.GetSecondFactor(pb2.GetSecondFactorRequest(id=lan.user.id))).enrolled
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            request = pb2.GetSecondFactorRequest(id=lan.user.id)
            await house.factors(colleague).GetSecondFactor(request)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await admin.GetSecondFactor(pb2.GetSecondFactorRequest(id=str(uuid4())))
