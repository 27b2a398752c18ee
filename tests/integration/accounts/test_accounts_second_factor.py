"""The second factor: enrolling, its end, its reset, and who may know of it."""

from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import second_factor_service_pb2 as pb2

from chassis import errors
from chassis.context import Principal
from tests.integration.accounts.factor_parts import PASSWORD, Person, added, wrong
from tests.integration.serving import refused


@pytest.fixture
async def lan(house: Any) -> Person:
    return await added(house, "Lan")


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
        await lan.house.hold()

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await lan.sign_in()

    async def test_a_wrong_code_is_named_and_counts_as_a_failed_sign_in(self, lan: Person) -> None:
        await lan.begin()

        for _ in range(5):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                request = pb2.ConfirmSecondFactorRequest(code=wrong(lan.code()))
                await lan.factors.ConfirmSecondFactor(request)
            assert refusal.fields() == ["code"]
        await lan.house.hold()

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
