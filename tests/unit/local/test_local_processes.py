"""What a process of the house is told, all of a service, one alone, or from its next life on."""

from pathlib import Path

import pytest

from local.__main__ import _services
from local.process import Command


class TestSettings:
    def test_those_of_a_service_are_for_all_its_processes_and_one_may_have_its_own(self) -> None:
        given = ["notifier.lease_seconds=5", "notifier-2.lease_seconds=9"]

        notifier = next(it for it in _services(["notifier=2"], given) if it.name == "notifier")

        assert notifier.instances == ["notifier", "notifier-2"]
        assert notifier.settings == {"lease_seconds": "5"}
        assert notifier.of_instance == {"notifier-2": {"lease_seconds": "9"}}

    def test_there_is_no_second_process_without_replicas(self) -> None:
        with pytest.raises(SystemExit, match="notifier-2"):
            _services([], ["notifier-2.lease_seconds=9"])


class TestChanges:
    def test_they_hold_from_the_next_start_on_until_they_are_taken_back(
        self, tmp_path: Path
    ) -> None:
        changes = tmp_path / "changes.json"
        command = Command("one", [], {"A": "1", "B": "2"}, tmp_path / "log", changes=changes)
        before = command.told()

        changes.write_text('{"B": "3"}')
        during = command.told()
        changes.write_text("{}")

        assert (before, during) == ({"A": "1", "B": "2"}, {"A": "1", "B": "3"})
        assert command.told() == before
