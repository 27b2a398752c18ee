"""An operator looks at dead letters, sends some again and throws others away."""

import json
import uuid

import pytest
import structlog
from prometheus_client import REGISTRY

from chassis.events import deadletters, gauges
from chassis.events.publish import Outgoing, publish_one
from services import letters, topology
from tests.integration.chassis.events_house import Bus


@pytest.fixture
async def buried(bus: Bus) -> list[int]:
    """The numbers of three dead letters of the durable, among those of another."""
    for durable in (bus.durable, bus.durable, f"{bus.durable}-other", bus.durable):
        headers = {
            "Mekong-Reason": "UNREADABLE",
            "Mekong-Subject": f"{bus.prefix}.made",
            "Mekong-Stream": bus.stream,
            "Mekong-Deliveries": "8",
            "ce-id": uuid.uuid4().hex,
        }
        letter = Outgoing(f"dlq.{durable}", b"data", uuid.uuid4().hex, headers)
        await publish_one(bus.nats, letter)
    return [each.seq or 0 for each in await bus.letters()]


async def run(bus: Bus, command: str, *which: str) -> int:
    settings = topology.Settings(nats_url=bus.settings.nats_url)
    with structlog.testing.capture_logs():
        return await letters.run(settings, command, which)


class TestLooking:
    async def test_those_of_one_consumer_are_listed_with_their_reason(
        self, bus: Bus, buried: list[int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert await run(bus, "list", bus.durable) == 0

        lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
        assert [int(line[0]) for line in lines] == buried
        assert {tuple(line[2:6]) for line in lines} == {
            (bus.durable, "8", "UNREADABLE", f"{bus.prefix}.made")
        }

    async def test_they_are_counted_by_consumer(
        self, bus: Bus, buried: list[int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert await run(bus, "count") == 0

        lines = capsys.readouterr().out.splitlines()
        assert f"3\t{bus.durable}" in lines
        assert f"1\t{bus.durable}-other" in lines

    async def test_one_is_shown_whole(
        self, bus: Bus, buried: list[int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert await run(bus, "show", str(buried[0])) == 0

        shown = json.loads(capsys.readouterr().out)
        assert (shown["number"], shown["reason"]) == (buried[0], "UNREADABLE")
        assert bytes.fromhex(shown["data"]) == b"data"
        assert shown["headers"]["Mekong-Stream"] == bus.stream


class TestGauges:
    async def test_they_tell_of_what_waits_and_what_was_buried(
        self, bus: Bus, buried: list[int]
    ) -> None:
        await bus.publish("made", "e1")

        await gauges.measure(bus.nats, bus.stream, bus.durable)

        found = {
            name: REGISTRY.get_sample_value(name, {"durable": bus.durable})
            for name in ("mekong_dead_letters", "mekong_consumer_pending")
        }
        assert found == {"mekong_dead_letters": 3, "mekong_consumer_pending": 1}


class TestActing:
    async def test_one_is_sent_again_and_the_others_stay(self, bus: Bus, buried: list[int]) -> None:
        assert await run(bus, "replay", str(buried[1])) == 0

        assert [each.seq for each in await bus.letters()] == [buried[0], buried[2]]
        (again,) = await bus.messages()
        assert (again.subject, again.data) == (f"{bus.prefix}.made", b"data")

    async def test_all_of_a_consumer_are_sent_again(self, bus: Bus, buried: list[int]) -> None:
        assert await run(bus, "replay", bus.durable) == 0

        assert await bus.letters() == []
        assert len(await bus.messages()) == 3
        assert (await deadletters.count(bus.nats))[f"{bus.durable}-other"] == 1

    async def test_one_is_thrown_away(self, bus: Bus, buried: list[int]) -> None:
        assert await run(bus, "discard", str(buried[0])) == 0

        assert [each.seq for each in await bus.letters()] == buried[1:]
        assert await bus.messages() == []

    async def test_a_number_that_is_not_there_is_said(
        self, bus: Bus, buried: list[int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert await run(bus, "replay", "999999999") == 1

        assert "no dead letter 999999999" in capsys.readouterr().err

    def test_nothing_is_replayed_without_being_named(self) -> None:
        with pytest.raises(SystemExit) as ended:
            letters.main(["discard"])

        assert ended.value.code == 2

    def test_it_runs_with_the_settings_of_a_service_beside_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MEKONG_SMTP_URL", "smtp://mail")
        monkeypatch.setenv("MEKONG_NATS_URL", "nats://127.0.0.1:1")
        monkeypatch.setattr(letters, "run", told := _Told())
        monkeypatch.setattr(letters.logging, "configure", lambda *_: None)

        assert letters.main(["list", "d"]) == 0

        assert told.nats_url == "nats://127.0.0.1:1"


class _Told:
    """Stands for the work, to see what it is told."""

    nats_url = ""

    async def __call__(self, settings: topology.Settings, *_: object) -> int:
        self.nats_url = settings.nats_url
        return 0
