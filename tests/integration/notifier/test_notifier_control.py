"""Control events reach runs, suppressions and consents through a real broker."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog
from crm.campaigns.v1 import events_pb2 as campaigns_pb
from crm.leads.v1 import consent_pb2, contact_pb2
from crm.leads.v1 import events_pb2 as leads_pb
from sqlalchemy import text

from chassis import db
from chassis.events.event import Event
from services.notifier.domain.states import Purpose, State
from services.notifier.storage import lookups
from services.notifier.workers.heartbeats import Heartbeats
from tests.integration.notifier import broker_parts
from tests.integration.notifier.broker_parts import Broker, run_state, until, work
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    House,
    MailServer,
    people,
)

SOURCES = ("leads", "campaigns")


def withdrawal() -> leads_pb.ConsentWithdrawn:
    """Of two addresses."""
    entry = consent_pb2.ConsentEntry(
        id=str(uuid.uuid4()), contact_id=str(uuid.uuid4()), channel=contact_pb2.CHANNEL_EMAIL
    )
    return leads_pb.ConsentWithdrawn(entry=entry, address_keys=list(people(2)))


async def suppressed(house: House) -> bool:
    """Whether both are."""
    found = await house.sql("SELECT 1 FROM suppressions")
    return len(found) == 2


@asynccontextmanager
async def closing(made: db.Sessions) -> AsyncIterator[db.Sessions]:
    """Closes sessions after a block."""
    yield made
    await db.dispose(made)


async def age(house: House) -> float:
    """How old the news of both sources is, in seconds."""
    async with house.sessions.begin() as session:
        return await lookups.control_age(session, SOURCES)


class TestControl:
    async def test_a_pause_holds_a_run_and_a_resume_frees_it(
        self, house: House, broker: Broker, mail: MailServer
    ) -> None:
        run = uuid.uuid4()
        body = run_state(run)
        await broker.control(campaigns_pb.RunPaused(run=body))
        await house.eventually("SELECT 1 FROM runs WHERE state = 'PAUSED'")
        await broker.chunk(work(run, list(people(3))))
        house.engine(mail.wire())
        await house.until(run, {State.QUEUED: 3})

        body.epoch = 3
        await broker.control(campaigns_pb.RunResumed(run=body))

        await house.until(run, {State.ACCEPTED: 3})

    async def test_a_cancelled_run_ends(self, house: House, broker: Broker) -> None:
        run = uuid.uuid4()
        await broker.chunk(work(run, list(people(3))))
        await house.until(run, {State.QUEUED: 3})
        house.sweeper()
        body = run_state(run)

        await broker.control(campaigns_pb.RunCancelled(run=body))

        await house.until(run, {State.CANCELLED: 3})

    async def test_a_withdrawal_suppresses_each_address(self, house: House, broker: Broker) -> None:
        await broker.control(withdrawal())

        await until(lambda: suppressed(house))

    async def test_one_that_meets_locks_longer_than_it_may_fail_is_obeyed_and_not_put_aside(
        self, house: House, nats_url: str
    ) -> None:
        hurried = house.settings.model_copy(update={"database_statement_timeout_seconds": 0.1})
        async with (
            closing(db.sessions(hurried)) as steered,
            broker_parts.consuming(house, nats_url, steered) as broker,
        ):
            with structlog.testing.capture_logs() as lines:
                async with house.sessions.begin() as other:
                    await other.execute(text("LOCK TABLE suppressions"))
                    await broker.control(withdrawal())

                    async def met_them_five_times() -> bool:
                        return sum(it["event"] == "consumer_waits" for it in lines) >= 5

                    await until(met_them_five_times)
                await until(lambda: suppressed(house))

            assert "event_failed" not in {it["event"] for it in lines}
            assert await broker.buried("control") == 0

    async def test_a_consent_given_again_is_kept(self, house: House, broker: Broker) -> None:
        entry = consent_pb2.ConsentEntry(
            id=str(uuid.uuid4()),
            contact_id=str(uuid.uuid4()),
            advertiser_id=str(ADVERTISER),
            channel=contact_pb2.CHANNEL_EMAIL,
            purpose=contact_pb2.PURPOSE_CARE,
        )
        entry.time.GetCurrentTime()

        await broker.control(leads_pb.ConsentGiven(entry=entry, address_keys=["dao@example.vn"]))

        (kept,) = await house.eventually("SELECT address_key, purpose FROM regained")
        assert tuple(kept) == ("dao@example.vn", int(Purpose.CARE))

    async def test_heartbeats_of_both_sources_make_the_news_fresh(
        self, house: House, broker: Broker
    ) -> None:
        await broker.heartbeat("leads")
        await house.eventually("SELECT 1 FROM control_heartbeats")
        assert await age(house) == float("inf")

        await broker.heartbeat("campaigns")

        async def fresh() -> bool:
            return await age(house) < 1.5

        await until(fresh)

    async def test_a_replica_whose_clock_is_behind_hides_no_news(self, house: House) -> None:
        heartbeats = Heartbeats(house.sessions)

        for hours in (2, 0):
            time = datetime.now(UTC) + timedelta(hours=hours)
            for source in SOURCES:
                subject = f"control.heartbeat.{source}"
                heartbeats.note(Event("x", subject, b"", {}, time, 0, "", 1))
        await heartbeats._write()

        assert await age(house) < 1.5
