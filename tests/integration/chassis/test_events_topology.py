"""The broker has what is declared, and is one that does not forget what it acknowledged."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chassis import errors, metrics
from chassis.config import ServiceSettings
from chassis.events import topology
from chassis.events.connection import Connection
from tests.integration.chassis.events_house import Bus, eventually
from tests.integration.unsafe_broker import unsafe_broker


class TestApplying:
    async def test_a_stream_keeps_to_files_and_refuses_rather_than_forgets(self, bus: Bus) -> None:
        config = (await bus.nats.js.stream_info(bus.stream)).config

        assert config.storage == "file"
        assert config.discard == "new"
        assert config.allow_atomic is True
        assert config.duplicate_window == 300

    async def test_applying_again_changes_nothing(self, bus: Bus) -> None:
        await bus.publish("made", "e1")
        before = await bus.nats.js.stream_info(bus.stream)
        consumer = await bus.consumer()

        await topology.apply(bus.nats, *bus.declaration())

        after = await bus.nats.js.stream_info(bus.stream)
        assert after.config == before.config
        assert after.state.messages == 1
        assert (await bus.consumer()).config == consumer.config

    async def test_a_changed_declaration_is_carried_out(self, bus: Bus) -> None:
        streams, consumers = bus.declaration()
        more = replace(streams[0], subjects=[*streams[0].subjects, f"y{bus.prefix}"], max_age=60.0)

        await topology.apply(bus.nats, [more], [replace(consumers[0], ack_wait=7.0)])

        config = (await bus.nats.js.stream_info(bus.stream)).config
        assert config.subjects == list(more.subjects)
        assert config.max_age == 60.0
        assert (await bus.consumer()).config.ack_wait == 7.0

    async def test_a_broker_that_is_away_is_named(
        self, settings_with: Callable[..., ServiceSettings]
    ) -> None:
        nats = Connection(settings_with(), "test")

        with pytest.raises(errors.Unavailable, match="BROKER_AWAY"):
            await nats.connected(within=0.2)
        with pytest.raises(errors.Unavailable, match="BROKER_AWAY"):
            await nats.check()

        await nats.close()


class TestSyncAlways:
    async def test_a_broker_that_writes_before_it_acknowledges_is_accepted(
        self,
        settings_with: Callable[..., ServiceSettings],
        nats_url: str,
        nats_monitor_url: str,
    ) -> None:
        nats = Connection(
            settings_with(nats_url=nats_url, nats_monitor_url=nats_monitor_url), "test"
        )
        await nats.connected(within=5)

        await nats.check()

        assert metrics.nats_sync_always._value.get() == 1
        await nats.close()

    async def test_a_service_is_not_ready_while_it_cannot_ask(
        self, settings_with: Callable[..., ServiceSettings], nats_url: str
    ) -> None:
        away = settings_with(nats_url=nats_url, nats_monitor_url="http://127.0.0.1:1")
        nats = Connection(away, "test")
        await nats.connected(within=5)

        with pytest.raises(errors.Unavailable, match="BROKER_MONITOR_AWAY"):
            await nats.check()

        await nats.close()

    async def test_one_that_does_not_is_refused(self, tmp_path: Path) -> None:
        async def answers() -> bool:
            try:
                await topology.assert_sync_always(broker.monitor_url)
            except errors.Unavailable:
                return False
            except errors.FailedPrecondition as refused:
                return refused.reason == "BROKER_SYNC"
            return False

        with unsafe_broker(tmp_path) as broker:
            await eventually(answers)

    async def test_it_is_told_without_anybody_who_asks_whether_the_service_is_ready(
        self,
        settings_with: Callable[..., ServiceSettings],
        nats_url: str,
        nats_monitor_url: str,
        tmp_path: Path,
    ) -> None:
        told = metrics.nats_sync_always._value
        told.set(math.nan)
        with unsafe_broker(tmp_path) as broker, capture_logs() as logged:
            given = settings_with(nats_url=broker.url, nats_monitor_url=broker.monitor_url)
            unsafe = Connection(given, "test")
            unsafe.start()
            await eventually(lambda: told.get() == 0)
            await unsafe.close()
        safe = Connection(
            settings_with(nats_url=nats_url, nats_monitor_url=nats_monitor_url), "test"
        )
        safe.start()
        await eventually(lambda: told.get() == 1)
        await safe.close()

        assert "broker_unsafe" in {it["event"] for it in logged}

    async def test_one_that_cannot_be_asked_is_unavailable(self) -> None:
        with pytest.raises(errors.Unavailable, match="BROKER_MONITOR_AWAY"):
            await topology.assert_sync_always("http://127.0.0.1:1")
