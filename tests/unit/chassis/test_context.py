"""The context of a call, and how far rights reach."""

import asyncio
import contextlib
import time
import uuid

import pytest
import structlog

from chassis import context, errors
from chassis.context import Level, Principal

USER = Principal(
    subject="0190",
    kind="user",
    team_id="t1",
    rights={"contacts": {"read": "team", "update": "own", "delete": "sometimes"}},
)


class TestLevels:
    def test_they_are_ordered_by_reach_and_not_by_alphabet(self) -> None:
        assert Level.NONE < Level.OWN < Level.TEAM < Level.ALL
        assert Level.ALL > Level.TEAM >= Level.TEAM > Level.NONE
        assert max(Level) is Level.ALL

    @pytest.mark.parametrize(
        ("resource", "action", "level"),
        [
            ("contacts", "read", Level.TEAM),
            ("contacts", "update", Level.OWN),
            ("contacts", "export", Level.NONE),
            ("campaigns", "read", Level.NONE),
            ("contacts", "delete", Level.NONE),
        ],
    )
    def test_what_was_not_granted_is_none(self, resource: str, action: str, level: Level) -> None:
        assert USER.level(resource, action) is level

    def test_a_service_for_itself_may_do_everything(self) -> None:
        assert Principal("leads", "service").level("contacts", "delete") is Level.ALL

    def test_a_service_on_behalf_of_a_user_has_the_users_rights(self) -> None:
        acting = Principal("0190", "service", rights=USER.rights, actor="campaigns")

        assert acting.level("contacts", "read") is Level.TEAM
        assert acting.level("campaigns", "read") is Level.NONE


class TestBind:
    def test_it_adds_and_takes_away_again(self) -> None:
        with context.bind(request_id="r1", principal=USER), context.bind(deadline=5.0):
            inner = context.current()

        assert inner == context.Context("r1", "", USER, 5.0)
        assert context.current() == context.Context()

    def test_logs_carry_request_and_trace(self) -> None:
        trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

        with context.bind(request_id="r1", traceparent=trace):
            bound = structlog.contextvars.get_contextvars()

        assert bound == {"request_id": "r1", "trace_id": "a" * 32}
        assert structlog.contextvars.get_contextvars() == {}

    async def test_tasks_do_not_see_each_others_context(self) -> None:
        async def within(request_id: str) -> str:
            with context.bind(request_id=request_id):
                await asyncio.sleep(0)
                return context.current().request_id

        seen = await asyncio.gather(*(within(str(number)) for number in range(5)))

        assert seen == ["0", "1", "2", "3", "4"]


class TestContext:
    def test_nobody_is_unauthenticated(self) -> None:
        with pytest.raises(errors.Unauthenticated):
            context.require_principal()

    def test_the_remaining_time_is_never_negative(self) -> None:
        assert context.Context(deadline=time.monotonic() - 1).remaining() == 0.0
        assert context.Context().remaining() is None

    def test_a_new_traceparent_is_valid(self) -> None:
        assert context.valid_traceparent(context.new_traceparent())

    @pytest.mark.parametrize(
        "value", ["", "00-zz", "00-" + "0" * 32 + "-" + "b" * 16 + "-01", "01-" + "a" * 52]
    )
    def test_a_foreign_header_is_no_traceparent(self, value: str) -> None:
        assert not context.valid_traceparent(value)


class TestPause:
    async def test_it_ends_when_its_time_is_over(self) -> None:
        assert await context.pause(0.01) is False

    async def test_it_ends_when_the_process_drains(self) -> None:
        context.share_draining(asyncio.Event())
        pausing = asyncio.create_task(context.pause(60))
        await asyncio.sleep(0)

        context.draining().set()

        assert await asyncio.wait_for(pausing, 1) is True


class TestBeingCancelled:
    async def test_a_task_whose_wait_lost_it_still_ends(self) -> None:
        begun = asyncio.Event()

        async def work() -> None:
            begun.set()
            # What a driver does that turns the cancellation into an error of its own.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            while True:
                context.end_if_cancelled()
                await asyncio.sleep(0)

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()

        async with asyncio.timeout(5):
            await asyncio.wait([task])
        assert task.cancelled()

    async def test_one_that_nobody_cancelled_goes_on(self) -> None:
        context.end_if_cancelled()


class TestACustomer:
    CONTACT = uuid.UUID("0198a1b2-0000-7000-8000-000000000000")

    def test_a_call_is_about_the_customers_own_contact(self) -> None:
        customer = context.Principal("l", "contact", contact_id=str(self.CONTACT))

        with context.bind(principal=customer):
            assert context.require_contact() == self.CONTACT

    @pytest.mark.parametrize("kind", ["user", "client", "service"])
    def test_nobody_else_has_data_of_their_own(self, kind: context.Kind) -> None:
        with (
            context.bind(principal=context.Principal("u", kind)),
            pytest.raises(errors.PermissionDenied),
        ):
            context.require_contact()
