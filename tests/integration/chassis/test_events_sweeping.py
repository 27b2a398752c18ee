"""Single messages are taken out of streams, once their consumers have dealt with them."""

import uuid

import nats.errors
import pytest
from nats.js import api
from nats.js.client import JetStreamContext

from chassis.errors import Unavailable
from chassis.events import sweeping
from chassis.events.sweeping import Found
from chassis.events.topology import OUTSIDE
from tests.integration.chassis.events_house import Bus


async def found(bus: Bus, stream: str = "", after: int = 0) -> list[Found]:
    return [it async for it in sweeping.read(bus.nats, stream or bus.stream, after)]


async def acknowledge(bus: Bus, count: int) -> None:
    reader = await bus.nats.js.pull_subscribe_bind(consumer=bus.durable, stream=bus.stream)
    for msg in await reader.fetch(count, timeout=5):
        await msg.ack_sync()


@pytest.fixture
async def published(bus: Bus) -> None:
    """Three messages: a, b, c."""
    for name in ("a", "b", "c"):
        await bus.publish(name, uuid.uuid4().hex, key=name)


class TestReading:
    async def test_every_message_is_read_in_order_from_any_place(
        self, bus: Bus, published: None
    ) -> None:
        assert [it.data for it in await found(bus)] == [b"a", b"b", b"c"]
        assert [it.data for it in await found(bus, after=2)] == [b"c"]
        assert await found(bus, after=3) == []

    async def test_it_leaves_no_consumer_behind(self, bus: Bus, published: None) -> None:
        await found(bus)

        assert [it.name for it in await bus.nats.js.consumers_info(bus.stream)] == [bus.durable]

    async def test_what_no_consumer_acknowledged_is_awaited(
        self, bus: Bus, published: None
    ) -> None:
        await acknowledge(bus, 2)

        assert [it.awaited for it in await found(bus)] == [False, False, True]

    async def test_what_no_consumer_wants_is_not_awaited(self, bus: Bus, published: None) -> None:
        await bus.nats.js.delete_consumer(bus.stream, bus.durable)
        config = api.ConsumerConfig(
            durable_name=bus.durable,
            ack_policy=api.AckPolicy.EXPLICIT,
            filter_subjects=[f"{bus.prefix}.a", f"{bus.prefix}.c.>"],
        )
        await bus.nats.js.add_consumer(bus.stream, config)

        assert [it.awaited for it in await found(bus)] == [True, False, False]

    async def test_what_only_a_reader_outside_has_yet_to_see_is_not_awaited(
        self, bus: Bus, published: None
    ) -> None:
        config = api.ConsumerConfig(
            durable_name=f"{OUTSIDE}warehouse", ack_policy=api.AckPolicy.EXPLICIT
        )
        await bus.nats.js.add_consumer(bus.stream, config)
        await acknowledge(bus, 2)

        assert [it.awaited for it in await found(bus)] == [False, False, True]

    async def test_work_that_is_still_there_is_awaited(self, bus: Bus) -> None:
        work = f"W{bus.stream}"
        await bus.nats.js.add_stream(
            name=work, subjects=[f"w{bus.prefix}.>"], retention=api.RetentionPolicy.WORK_QUEUE
        )
        await bus.nats.js.publish(f"w{bus.prefix}.x", b"chunk")

        assert [(it.data, it.awaited) for it in await found(bus, work)] == [(b"chunk", True)]
        await bus.nats.js.delete_stream(work)

    async def test_a_broker_that_gives_less_than_it_has_is_not_taken_for_the_end(
        self, bus: Bus, published: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def silent(*_: object, **__: object) -> None:
            raise nats.errors.TimeoutError

        monkeypatch.setattr(JetStreamContext.PullSubscription, "fetch", silent)

        with pytest.raises(Unavailable):
            await found(bus)

    async def test_what_left_meanwhile_is_the_end(
        self, bus: Bus, published: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def left(*_: object, **__: object) -> None:
            await bus.nats.js.purge_stream(bus.stream)
            raise nats.errors.TimeoutError

        monkeypatch.setattr(JetStreamContext.PullSubscription, "fetch", left)

        assert await found(bus) == []


class TestTakingOut:
    async def test_one_is_removed_and_removing_it_again_is_nothing(
        self, bus: Bus, published: None
    ) -> None:
        _, second, _ = await found(bus)

        await sweeping.remove(bus.nats, second)
        await sweeping.remove(bus.nats, second)

        assert [it.data for it in await found(bus)] == [b"a", b"c"]

    async def test_one_is_replaced_under_its_event_id(self, bus: Bus, published: None) -> None:
        _, second, _ = await found(bus)

        for _ in range(2):
            await sweeping.replace(bus.nats, second, b"less", f"again:{second.sequence}")

        left = await found(bus)
        assert [it.data for it in left] == [b"a", b"c", b"less"]
        assert left[-1].headers["ce-id"] == second.headers["ce-id"]
        assert left[-1].headers["key"] == "b"
        assert left[-1].subject == second.subject
