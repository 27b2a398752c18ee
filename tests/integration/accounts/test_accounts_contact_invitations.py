"""Customers come in by an invitation, once."""

import asyncio
from typing import Any

from crm.accounts.v1 import contact_login_service_pb2 as pb2

from chassis import errors
from tests.integration.accounts.contact_parts import PASSWORD
from tests.integration.accounts.contact_parts import portal as portal
from tests.integration.accounts.login_parts import Portal
from tests.integration.serving import refused


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
