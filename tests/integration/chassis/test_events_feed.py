"""A feed asks seldom, holds little, and finds its way back after every kind of loss."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chassis.events import consumer, feed, topology
from chassis.events.consumer import Event, Policy
from tests.integration.chassis.events_house import Bus, Puller, eventually, running

NEXT = "$JS.API.CONSUMER.MSG.NEXT."


@pytest.fixture
def asks(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The subjects of the pull requests that were sent."""
    sent: list[str] = []
    publish = bus.nats.client.publish

    async def note(subject: str, *args: Any, **more: Any) -> None:
        if subject.startswith(NEXT):
            sent.append(subject)
        await publish(subject, *args, **more)

    monkeypatch.setattr(bus.nats.client, "publish", note)
    return sent


class Seen(list[str]):
    """A handler that notes the ids of the events."""

    async def __call__(self, event: Event) -> None:
        self.append(event.id)


def working(bus: Bus, handler: consumer.WorkHandler, policy: Policy | None = None) -> Puller:
    return consumer.work(
        bus.settings,
        bus.nats,
        stream=bus.stream,
        durable=bus.durable,
        handler=handler,
        policy=policy,
    )


@asynccontextmanager
async def waiting(bus: Bus, *tasks: Puller, requests: int = 1) -> AsyncIterator[asyncio.Event]:
    """Run consumers for the length of a block, which begins once the broker has their requests."""

    async def asked() -> bool:
        return (await bus.consumer()).num_waiting == requests

    async with running(*tasks) as draining:
        await eventually(asked)
        yield draining


class TestAnIdleOne:
    async def test_it_has_one_request_whatever_its_concurrency(
        self, bus: Bus, asks: list[str]
    ) -> None:
        async with waiting(bus, working(bus, Seen(), Policy(concurrency=5))):
            sent = bus.nats.client.stats["out_msgs"]
            await asyncio.sleep(1.2)  # silence can only be seen by listening for a while

            assert len(asks) == 1
            assert bus.nats.client.stats["out_msgs"] == sent

    async def test_it_is_there_after_its_request_has_expired(
        self, bus: Bus, asks: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(feed, "_EXPIRES_SECONDS", 0.4)
        monkeypatch.setattr(feed, "_BEAT_SECONDS", 0.1)
        seen = Seen()

        async with waiting(bus, working(bus, seen)):
            await eventually(lambda: len(asks) >= 3)
            await bus.publish("made", "e1")
            await eventually(lambda: seen == ["e1"])

    async def test_a_request_that_the_broker_never_had_is_sent_again(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(feed, "_SILENCE_SECONDS", 0.3)
        publish, lost = bus.nats.client.publish, []

        async def lose_the_first(subject: str, *args: Any, **more: Any) -> None:
            if subject.startswith(NEXT) and not lost:
                lost.append(subject)
                return
            await publish(subject, *args, **more)

        monkeypatch.setattr(bus.nats.client, "publish", lose_the_first)
        seen = Seen()
        await bus.publish("made", "e1")

        async with running(working(bus, seen)):
            await eventually(lambda: seen == ["e1"])

        assert len(lost) == 1

    async def test_a_durable_that_was_deleted_is_found_when_it_is_declared_again(
        self, bus: Bus
    ) -> None:
        seen = Seen()

        async with waiting(bus, working(bus, seen)):
            await bus.nats.js.delete_consumer(bus.stream, bus.durable)
            await bus.publish("made", "e1")
            await topology.apply(bus.nats, *bus.declaration())
            await eventually(lambda: seen == ["e1"])

    async def test_it_ends_at_once_when_the_process_drains(self, bus: Bus) -> None:
        ended = asyncio.Event()
        task = working(bus, Seen())

        async def run() -> None:
            await task()
            ended.set()

        async with running(run) as draining:
            await eventually(lambda: _asked(bus))
            draining.set()
            await asyncio.wait_for(ended.wait(), 1.0)


class TestABusyOne:
    async def test_it_holds_no_more_than_it_can_handle(self, bus: Bus) -> None:
        release, seen = asyncio.Event(), Seen()

        async def wait(event: Event) -> None:
            await release.wait()
            await seen(event)

        for number in range(20):
            await bus.publish("made", f"e{number}")
        async with running(working(bus, wait, Policy(concurrency=3))):
            await eventually(lambda: _holds(bus, 3))
            release.set()
            await eventually(bus.is_settled)

        assert sorted(seen) == sorted(f"e{number}" for number in range(20))


class TestACancelledOne:
    async def test_it_ends_though_a_library_loses_the_cancellation(self, bus: Bus) -> None:
        begun = asyncio.Event()

        async def lose(event: Event) -> None:
            begun.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

        await bus.publish("made", "e1")
        task = asyncio.create_task(working(bus, lose)())
        await begun.wait()
        task.cancel()

        done, _ = await asyncio.wait([task], timeout=5)
        assert done


async def _asked(bus: Bus) -> bool:
    return (await bus.consumer()).num_waiting == 1


async def _holds(bus: Bus, count: int) -> bool:
    return (await bus.consumer()).num_ack_pending == count
