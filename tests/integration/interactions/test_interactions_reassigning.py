"""When a person leaves: everything open of theirs is given to others in one act."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import follow_up_service_pb2, notification_service_pb2
from crm.interactions.v1 import reassignment_service_pb2 as pb2
from sqlalchemy import text

from chassis import errors
from chassis.context import Level, Principal
from chassis.scope import Scope
from services.interactions.usecases import follow_ups, reassigning
from tests.integration.interactions.house import later, person, somebody_waits
from tests.integration.interactions.portal_parts import ask, close, got
from tests.integration.interactions.series_parts import change, make, planned, rule
from tests.integration.serving import refused

REACH = Scope(Level.ALL, "interactions", None, None)
LEAVER, TAKER, OTHER = (str(uuid4()) for _ in range(3))


async def give(house: Any, who: Any = None, **more: Any) -> Any:
    given = {"user_id": LEAVER, "to_user_id": TAKER, **more}
    request = pb2.ReassignFollowUpsRequest(**given)
    return await house.reassignments(who or person()).ReassignFollowUps(request)


async def count(house: Any, who: Any = None, user: str = LEAVER) -> tuple[int, ...]:
    request = pb2.CountReassignmentRequest(user_id=user)
    found = await house.reassignments(who or person()).CountReassignment(request)
    return (
        found.follow_up_count,
        found.series_count,
        found.occurrence_count,
        found.batch_count,
    )


async def assignees(house: Any, follow_up: Any) -> list[str]:
    request = follow_up_service_pb2.GetFollowUpRequest(id=follow_up.id)
    return list((await house.follow_ups().GetFollowUp(request)).assignee_ids)


async def plan(house: Any, *users: str, owner: str = "", **more: Any) -> Any:
    contact = house.contact(*([owner] if owner else []))
    return await house.plan(contact.id, assignee_ids=users, **more)


class TestFollowUps:
    async def test_those_that_are_open_go_to_another_each_once(self, house: Any) -> None:
        alone = await plan(house, LEAVER)
        together = await plan(house, OTHER, LEAVER, TAKER, start_time=later(60))
        others = await plan(house, OTHER)
        closed = await plan(house, LEAVER)
        await house.follow_ups().CancelFollowUp(
            follow_up_service_pb2.CancelFollowUpRequest(id=closed.id)
        )
        assert await count(house) == (2, 0, 0, 0)

        answer = await give(house)

        assert (answer.given.follow_up_count, answer.remaining_count) == (2, 0)
        assert await assignees(house, alone) == [TAKER]
        assert await assignees(house, together) == [OTHER, TAKER]
        assert await assignees(house, others) == [OTHER]
        assert await assignees(house, closed) == [LEAVER]
        assert await count(house) == (0, 0, 0, 0)
        async with house.sessions.begin() as session:
            told = await session.scalars(
                text("SELECT key FROM outbox WHERE subject LIKE '%FollowUpUpdated' AND revision = 2"
                     " AND key <> :closed"), {"closed": closed.id},
            )  # fmt: skip
            assert sorted(told) == sorted([alone.id, together.id])
            noted = await session.scalar(
                text("SELECT count(*) FROM outbox WHERE key = :key"), {"key": f"user/{LEAVER}"}
            )
        assert noted == 1

    async def test_to_another_owner_of_the_contact_where_there_is_one(self, house: Any) -> None:
        owned = await plan(house, LEAVER, owner=OTHER)
        own = await plan(house, LEAVER, owner=LEAVER)
        nobodys = await plan(house, LEAVER)

        await give(house, prefer_owners=True)

        assert await assignees(house, owned) == [OTHER]
        assert await assignees(house, own) == await assignees(house, nobodys) == [TAKER]

    async def test_many_take_more_than_one_call(
        self, house: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reassigning, "MOST", 2)
        for _ in range(3):
            await plan(house, LEAVER)

        left = [(await give(house)).remaining_count for _ in range(2)]

        assert left == [1, 0]
        assert await count(house, user=TAKER) == (3, 0, 0, 0)

    async def test_the_same_request_gives_once(self, house: Any) -> None:
        await plan(house, LEAVER)
        me = person()
        first = await give(house, me, request_id="r")
        await plan(house, LEAVER)

        assert await give(house, me, request_id="r") == first
        assert await count(house) == (1, 0, 0, 0)


class TestRequests:
    async def test_those_that_are_not_closed_go_to_another_who_is_told(self, house: Any) -> None:
        contact = house.contact(LEAVER)
        waits, closed = await ask(house, contact), await ask(house, contact, "xong")
        await close(house, closed.id)
        others = await ask(house, house.contact(OTHER))

        answer = await give(house)

        assert answer.given.request_count == 1
        assert list((await got(house, waits.id)).assignee_ids) == [TAKER]
        assert list((await got(house, closed.id)).assignee_ids) == [LEAVER]
        assert list((await got(house, others.id)).assignee_ids) == [OTHER]
        taker = Principal(TAKER, "user", None, {"requests": {"read": "own"}})
        listed = notification_service_pb2.ListNotificationsRequest()
        (told,) = (await house.notifications(taker).ListNotifications(listed)).notifications
        assert told.request_id == waits.id

    async def test_to_another_owner_of_the_contact_where_there_is_one(self, house: Any) -> None:
        owned = await ask(house, house.contact(LEAVER, OTHER))
        own = await ask(house, house.contact(LEAVER))

        await give(house, prefer_owners=True)

        assert list((await got(house, owned.id)).assignee_ids) == [OTHER]
        assert list((await got(house, own.id)).assignee_ids) == [TAKER]

    @pytest.mark.parametrize(("level", "moved"), [("none", 0), ("own", 0), ("team", 1)])
    async def test_only_those_that_the_caller_may_write_are_counted_and_given(
        self, house: Any, level: str, moved: int
    ) -> None:
        team = str(uuid4())
        waits = await ask(house, house.contact(LEAVER, team=team))
        await plan(house, LEAVER)
        boss = person("all", team=team, requests=level)
        counting = pb2.CountReassignmentRequest(user_id=LEAVER)

        counted = await house.reassignments(boss).CountReassignment(counting)
        answer = await give(house, boss)

        assert (counted.request_count, answer.given.request_count) == (moved, moved)
        assert (counted.follow_up_count, answer.given.follow_up_count) == (1, 1)
        assert list((await got(house, waits.id)).assignee_ids) == [TAKER if moved else LEAVER]

    async def test_they_are_counted_before(self, house: Any) -> None:
        await ask(house, house.contact(LEAVER))

        request = pb2.CountReassignmentRequest(user_id=LEAVER)
        found = await house.reassignments(person()).CountReassignment(request)

        assert found.request_count == 1


class TestSeries:
    async def test_they_go_with_what_they_planned_which_stays_untouched(self, house: Any) -> None:
        made = await make(house, assignee_ids=[LEAVER], calendar=rule("FREQ=DAILY;COUNT=3"))
        await make(house, assignee_ids=[LEAVER], calendar=rule("FREQ=DAILY;COUNT=1"))
        edited = (await planned(house, made.id))[0]
        await house.follow_ups().UpdateFollowUp(
            follow_up_service_pb2.UpdateFollowUpRequest(follow_up={"id": edited.id, "title": "x"})
        )
        assert await count(house) == (1, 2, 3, 0)

        await give(house)

        assert {it.assignee_ids[0] for it in await planned(house)} == {TAKER}
        after = await change(house, type(made)(id=made.id, title="Khác"), "title")
        assert list(after.assignee_ids) == [TAKER]
        titles = [it.title for it in await planned(house, made.id)]
        assert titles == ["x", "Khác", "Khác"]
        assert await count(house) == (0, 0, 0, 0)


class TestBesideDeletion:
    async def left(self, house: Any, made: Any, gone: Any) -> None:
        """What is there of a series one of whose three was deleted, now and planned anew."""
        for _ in range(2):
            theirs = await planned(house, made.id)
            assert {tuple(it.assignee_ids) for it in theirs} == {(TAKER,)}
            assert len(theirs) == 2
            assert gone.recurrence_time not in [it.recurrence_time for it in theirs]
            await change(house, type(made)(id=made.id, title="Khác"), "title")

    async def three(self, house: Any) -> tuple[Any, Any]:
        made = await make(house, assignee_ids=[LEAVER], calendar=rule("FREQ=DAILY;COUNT=3"))
        return made, (await planned(house, made.id))[1]

    async def test_what_is_being_deleted_is_not_revived_and_the_others_are_given(
        self, house: Any
    ) -> None:
        made, gone = await self.three(house)
        async with house.sessions.begin() as session:
            kept = await follow_ups.locked(session, REACH, REACH, UUID(gone.id), "delete")
            giving = asyncio.create_task(give(house))
            await somebody_waits(house.sessions)
            await follow_ups.delete(session, kept, "")

        assert (await giving).given.occurrence_count == 2
        await self.left(house, made, gone)

    async def test_what_is_being_given_is_deleted_afterwards(self, house: Any) -> None:
        made, gone = await self.three(house)
        wish = reassigning.Wish(UUID(LEAVER), UUID(TAKER), owners=False)
        request = follow_up_service_pb2.DeleteFollowUpRequest(id=gone.id)
        async with house.sessions.begin() as session:
            given, _ = await reassigning.reassign(session, REACH, REACH, wish)
            deleting = asyncio.ensure_future(house.follow_ups().DeleteFollowUp(request))
            await somebody_waits(house.sessions)

        await deleting
        assert given.occurrences == 3
        await self.left(house, made, gone)

    async def test_what_was_edited_and_is_being_deleted_is_not_revived(self, house: Any) -> None:
        made, gone = await self.three(house)
        await house.follow_ups().UpdateFollowUp(
            follow_up_service_pb2.UpdateFollowUpRequest(follow_up={"id": gone.id, "title": "x"})
        )
        async with house.sessions.begin() as session:
            kept = await follow_ups.locked(session, REACH, REACH, UUID(gone.id), "delete")
            giving = asyncio.create_task(give(house))
            await somebody_waits(house.sessions)
            await follow_ups.delete(session, kept, "")

        given = (await giving).given
        assert (given.follow_up_count, given.occurrence_count) == (0, 2)
        await self.left(house, made, gone)


class TestRights:
    async def test_a_manager_gives_what_is_of_the_team(self, house: Any) -> None:
        team = str(uuid4())
        theirs = await plan(house, LEAVER, team_id=team)
        others = await plan(house, LEAVER, team_id=str(uuid4()))
        lead = person("team", team)

        assert await count(house, lead) == (1, 0, 0, 0)
        await give(house, lead)

        assert await assignees(house, theirs) == [TAKER]
        assert await assignees(house, others) == [LEAVER]

    @pytest.mark.parametrize("level", ["own", "none"])
    async def test_others_give_and_count_nothing(self, house: Any, level: str) -> None:
        me = person(level, user_id=LEAVER)

        for call in (give(house, me), count(house, me)):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await call

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"user_id": "x"}, "user_id"),
            ({"to_user_id": ""}, "to_user_id"),
            ({"to_user_id": LEAVER}, "to_user_id"),
        ],
    )
    async def test_bad_fields_are_named(
        self, house: Any, change: dict[str, str], field: str
    ) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await give(house, **change)

        assert refusal.fields() == [field]
