"""What batches, series and handing over give people is told them once an act, with how many."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import reassignment_service_pb2, series_pb2
from crm.interactions.v1 import series_service_pb2 as series_pb
from crm.interactions.v1.notification_pb2 import (
    NOTIFICATION_KIND_BATCH_ASSIGNED,
    NOTIFICATION_KIND_HANDED_OVER,
    NOTIFICATION_KIND_SERIES_ASSIGNED,
    Notification,
)

from chassis import scope
from services.interactions.storage import batches
from services.interactions.usecases import batches as making
from services.interactions.usecases import reassigning
from services.interactions.workers import batching
from tests.integration.interactions.delivery_parts import Sending
from tests.integration.interactions.house import person, somebody_waits
from tests.integration.interactions.notification_parts import told, unread
from tests.integration.interactions.series_parts import change, planned, rule
from tests.integration.interactions.series_parts import make as make_series
from tests.integration.interactions.test_interactions_batches import LEASE
from tests.integration.interactions.test_interactions_batches import make as begin


async def only(house: Any, who: Any) -> Notification:
    """The one thing that somebody is told."""
    (one,) = await told(house, who)
    assert isinstance(one, Notification)
    return one


async def give(house: Any, who: Any, leaver: str, taker: str, **more: Any) -> Any:
    request = reassignment_service_pb2.ReassignFollowUpsRequest(
        user_id=leaver, to_user_id=taker, **more
    )
    return await house.reassignments(who).ReassignFollowUps(request)


class TestBatches:
    async def test_each_is_told_once_how_many_are_theirs(
        self, house: Any, parts: Sending, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batching, "PAGE", 2)
        lan, binh, chi, noise = person(), person("own"), person("own"), person()
        contacts = [parts.contact(owner_ids=[binh.subject]) for _ in range(3)]
        contacts += [parts.contact(owner_ids=[lan.subject]), parts.contact()]

        made = await begin(
            parts, *contacts, who=lan, assign_to_owner=True, assignee_ids=[chi.subject]
        )
        assert await told(house, chi) == []  # nothing is theirs yet
        await parts.maker().round()

        one, other = await only(house, binh), await only(house, chi)
        assert (one.kind, one.batch_id, one.follow_up_count, one.title, one.actor_id) == (
            NOTIFICATION_KIND_BATCH_ASSIGNED,
            made.id,
            3,
            made.title,
            lan.subject,
        )
        assert other.follow_up_count == 1
        assert await unread(house, binh) == (1, False)
        assert await told(house, lan) == []
        assert [it.follow_up_count for it in await told(house, noise)] == []

    async def test_it_shows_while_some_of_it_may_be_seen(self, house: Any, parts: Sending) -> None:
        lan, binh = person(), person("own")
        made = await begin(parts, parts.contact(), who=lan, assignee_ids=[binh.subject])
        await parts.maker().round()
        assert (await only(house, binh)).batch_id == made.id

        await parts.sql("UPDATE follow_ups SET assignee_ids = :to", to=[uuid4()])

        assert await told(house, binh) == []
        assert await unread(house, binh) == (0, False)

    async def test_a_kill_before_the_commit_counts_nothing_twice(
        self, house: Any, parts: Sending, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lan, binh = person(), person("own")
        contacts = [parts.contact() for _ in range(3)]
        await begin(parts, *contacts, who=lan, assignee_ids=[binh.subject])

        async def killed(*_: Any) -> None:
            raise asyncio.CancelledError

        with monkeypatch.context() as patch:
            patch.setattr(making.standings, "refresh", killed)
            with pytest.raises(asyncio.CancelledError):
                await parts.maker().round()
        assert await told(house, binh) == []
        await parts.sql("UPDATE follow_up_batches SET try_time = now()")
        await parts.maker().round()

        assert (await only(house, binh)).follow_up_count == 3


class TestSeries:
    async def test_who_is_put_on_one_by_another_is_told_once(self, house: Any) -> None:
        lan, binh, chi = person(), person("own"), person("own")
        made = await make_series(house, lan, assignee_ids=[lan.subject, binh.subject])
        one = await only(house, binh)
        assert (one.kind, one.series_id, one.title, one.actor_id) == (
            NOTIFICATION_KIND_SERIES_ASSIGNED,
            made.id,
            made.title,
            lan.subject,
        )

        more = series_pb2.Series(id=made.id, assignee_ids=[binh.subject, chi.subject])
        await change(house, more, "assignee_ids", who=lan)
        third = (await planned(house, made.id))[2]
        split = series_pb.SplitSeriesRequest(
            id=made.id, recurrence_time=third.recurrence_time, series={"title": "Khác"}
        )
        await house.series(lan).SplitSeries(split)

        assert [it.series_id for it in await told(house, binh)] == [made.id]
        assert [it.series_id for it in await told(house, chi)] == [made.id]
        assert await told(house, lan) == []
        await house.series(lan).DeleteSeries(series_pb.DeleteSeriesRequest(id=made.id))
        assert await told(house, binh) == []
        assert await unread(house, chi) == (0, False)

    async def test_nobody_is_told_of_what_is_only_changed_or_goes_on(self, house: Any) -> None:
        lan, binh = person(), person("own")
        made = await make_series(house, binh, contact_ids=[house.contact(binh.subject).id])

        await change(house, series_pb2.Series(id=made.id, title="Khác"), "title", who=lan)
        await house.series(lan).PauseSeries(series_pb.PauseSeriesRequest(id=made.id))
        await house.series(lan).ResumeSeries(series_pb.ResumeSeriesRequest(id=made.id))

        assert await told(house, binh) == []


class TestHandingOver:
    async def test_each_who_takes_over_is_told_once_how_many(self, house: Any) -> None:
        lan, binh, chi = person(), person("own"), person("own")
        leaver = str(uuid4())
        for owners, assignees in (
            ([], [leaver]),
            ([chi.subject], [leaver]),
            ([chi.subject], [leaver]),
            ([], [leaver, binh.subject]),  # it is theirs already
        ):
            await house.plan(house.contact(*owners).id, assignee_ids=assignees)
        daily = {"calendar": rule("FREQ=DAILY;COUNT=3")}
        await make_series(house, lan, assignee_ids=[leaver], **daily)
        before = [len(await told(house, who)) for who in (binh, chi)]

        for _ in range(2):
            await give(house, lan, leaver, binh.subject, prefer_owners=True, request_id="r")

        now = [await told(house, who) for who in (binh, chi)]
        (one,), (other,) = (new[: len(new) - n] for new, n in zip(now, before, strict=True))
        assert (one.kind, one.actor_id) == (NOTIFICATION_KIND_HANDED_OVER, lan.subject)
        assert (one.follow_up_count, other.follow_up_count) == (1 + 3, 2)
        assert await unread(house, lan) == (0, False)

    async def test_who_takes_over_themselves_or_gets_nothing_is_not_told(self, house: Any) -> None:
        lan, binh, leaver = person(), person(), str(uuid4())
        await house.plan(house.contact().id, assignee_ids=[leaver])

        await give(house, lan, leaver, lan.subject)
        await give(house, lan, leaver, binh.subject)

        assert await told(house, lan) == await told(house, binh) == []

    async def test_who_may_see_no_follow_ups_is_shown_nothing(self, house: Any) -> None:
        lan, binh, leaver = person(), person("own"), str(uuid4())
        await house.plan(house.contact().id, assignee_ids=[leaver])
        await give(house, lan, leaver, binh.subject)
        assert len(await told(house, binh)) == 1

        assert await told(house, person("none", user_id=binh.subject)) == []

    async def test_what_a_batch_makes_right_now_is_given_too(
        self, house: Any, parts: Sending
    ) -> None:
        lan, binh, leaver = person(), person("own"), uuid4()
        contacts = sorted(parts.contact() for _ in range(2))
        made = await begin(parts, *contacts, who=lan, assignee_ids=[str(leaver)])
        async with parts.sessions.begin() as session:
            held = await batches.claim(session, LEASE)
        assert held is not None
        giving = reassigning.Wish(leaver, UUID(binh.subject), owners=False)

        async def hand_over() -> None:
            async with parts.sessions.begin() as session:
                reach = scope.of(lan, lan.level("follow_ups", "write"))
                await reassigning.reassign(session, reach, reach, giving)

        async with parts.sessions.begin() as session:
            assert await making.make(session, held, [UUID(contacts[0])], 1, LEASE)
            handing = asyncio.create_task(hand_over())
            await somebody_waits(parts.sessions)
        await handing
        await parts.sql("UPDATE follow_up_batches SET try_time = now()")
        await parts.maker().round()

        rows = await parts.sql(
            "SELECT assignee_ids FROM follow_ups WHERE batch_id = :id", id=UUID(made.id)
        )
        assert [it.assignee_ids for it in rows] == [[UUID(binh.subject)]] * 2
