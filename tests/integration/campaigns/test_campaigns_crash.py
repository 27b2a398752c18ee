"""Planners and senders that die: what they began is finished by others, once."""

import asyncio
from uuid import UUID

import pytest
from crm.campaigns.v1 import run_pb2
from sqlalchemy import text

from chassis.errors import Unavailable
from services.campaigns.domain.clock import utc_now
from services.campaigns.messages import work
from services.campaigns.usecases import handover, progress
from services.campaigns.workers.closer import Closer
from services.campaigns.workers.sender import Sender
from services.topology import notify_stream
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.desk import Desk, ids
from tests.integration.campaigns.house import House, member
from tests.integration.campaigns.run_parts import COMPLETED, pause


class TestCrash:
    async def test_a_chunk_its_maker_did_not_publish_is_published_by_another(
        self, house: House, desk: Desk
    ) -> None:
        run = await house.planned([member(n) for n in range(1, 4)])
        async with house.sessions.begin() as session:
            (lost,) = await handover.hand_over(session, UUID(run.id), backlog=2)
            await session.execute(text("UPDATE chunks SET due_at = now()"))

        published = await self.sender(house, desk).publish_due()
        found = await desk.take()

        assert published
        assert found is not None
        assert found.SerializeToString(deterministic=True) == lost.payload
        assert not await self.sender(house, desk).publish_due()

    async def test_a_chunk_made_again_says_the_epoch_it_was_handed_over_in(
        self, house: House, desk: Desk
    ) -> None:
        run = await house.planned([member(n) for n in range(1, 4)])
        async with house.sessions.begin() as session:
            (lost,) = await handover.hand_over(session, UUID(run.id), backlog=2)
            await session.execute(text("UPDATE chunks SET due_at = now()"))
        await house.runs.PauseRun(pause(run))

        await self.sender(house, desk).publish_due()
        found = await desk.take()

        assert found is not None
        assert found.epoch == 1
        assert found.SerializeToString(deterministic=True) == lost.payload

    async def test_a_chunk_that_the_broker_lost_is_found_missing_and_sent_once_more(
        self, house: House, desk: Desk
    ) -> None:
        run = await house.planned([member(1), member(2)])
        sender = self.sender(house, desk, silence_seconds=0.05)
        await sender.hand_over()
        await desk.nats.js.purge_stream(notify_stream("vn"))

        await asyncio.sleep(0.06)
        await sender.publish_due()
        found = await desk.take()  # though the broker still knows the first one's id

        assert found is not None
        assert (await desk.take(within=0.2)) is None
        await self.told(house, run, ids(found))
        await Closer(house.sessions, utc_now).round()
        done = await house.get(run)
        assert (done.state, done.counts.accepted) == (COMPLETED, 2)
        assert len(house.senders.asked) == 1

    async def test_a_silent_chunk_that_the_notifier_has_is_not_sent_again(
        self, house: House, desk: Desk
    ) -> None:
        await house.planned([member(1), member(2)])
        sender = self.sender(house, desk, silence_seconds=0.05)
        await sender.hand_over()
        first = await desk.take()
        assert first is not None
        house.senders.has = {UUID(bytes=id) for id in ids(first)}

        await asyncio.sleep(0.06)
        await sender.publish_due()

        assert await desk.take(within=0.2) is None
        assert await house.rows("SELECT publications FROM chunks") == [(1,)]

    async def test_a_notifier_that_is_away_is_asked_later(self, house: House, desk: Desk) -> None:
        await house.planned([member(1)])
        sender = self.sender(house, desk, silence_seconds=0.05)
        await sender.hand_over()
        await desk.take()
        house.senders.is_away = True

        await asyncio.sleep(0.06)
        with pytest.raises(Unavailable):
            await sender.publish_due()

        assert await house.rows("SELECT publications FROM chunks WHERE due_at > now()") == [(1,)]
        assert await desk.take(within=0.2) is None

    async def test_a_chunk_that_a_notifier_told_of_is_not(self, house: House, desk: Desk) -> None:
        run = await house.planned([member(1), member(2)])
        sender = self.sender(house, desk, silence_seconds=0.05)
        await sender.hand_over()
        first = await desk.take()
        assert first is not None
        await self.told(house, run, ids(first)[:1])

        await asyncio.sleep(0.06)
        await sender.publish_due()

        assert await house.rows("SELECT publications, due_at FROM chunks") == [(1, None)]

    async def test_without_a_broker_nothing_leaves_the_plan(self, house: House, desk: Desk) -> None:
        run = await house.planned([member(1)])
        sender = self.sender(house, desk)
        await desk.nats.close()

        with pytest.raises(Exception, match="BROKER_AWAY"):
            await sender.hand_over()

        assert (await house.get(run)).counts.waiting == 1

    def sender(self, house: House, desk: Desk, silence_seconds: float = 300.0) -> Sender:
        return Sender(
            house.sessions, desk.nats, house.senders, backlog=2, silence_seconds=silence_seconds
        )

    async def told(self, house: House, run: run_pb2.Run, message_ids: list[bytes]) -> None:
        event = desks.report(run, message_ids, desks.ACCEPTED)
        async with house.sessions.begin() as session:
            told = await progress.apply(session, [work.report(event.SerializeToString())])
        assert told == len(message_ids)
