"""The command line of the house: what it takes and what it refuses by name."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from local import __main__ as command
from local.home import Home


class TestServices:
    def test_replicas_and_settings_reach_their_service_only(self):
        services = {
            service.name: service
            for service in command._services(
                ["notifier=2"], ["notifier.lease_seconds=5", "notifier.url=a=b"]
            )
        }

        assert services["notifier"].instances == ["notifier", "notifier-2"]
        assert services["notifier"].settings == {"lease_seconds": "5", "url": "a=b"}
        assert services["campaigns"].instances == ["campaigns"]
        assert services["campaigns"].settings == {}

    @pytest.mark.parametrize("given", ["notifier", "notifier=0", "notifier=x", "nobody=2"])
    def test_replicas_of_nothing_are_refused(self, given: str):
        with pytest.raises(SystemExit, match=f"--replicas {given}"):
            command._services([given], [])

    @pytest.mark.parametrize("given", ["lease_seconds=5", "nobody.lease=5"])
    def test_a_setting_of_nothing_is_refused(self, given: str):
        with pytest.raises(SystemExit, match=f"--set {given}"):
            command._services([], [given])


class TestMain:
    def test_a_file_that_is_not_there_is_refused_before_anything_starts(self, tmp_path: Path):
        with pytest.raises(SystemExit, match="there is no such file"):
            command.main(["run", "--home", str(tmp_path / "home"), "--file", "missing.csv"])

        assert not (tmp_path / "home").exists()

    def test_status_prints_what_the_house_said_of_itself(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        Home(tmp_path, {}).write_state({"ready": True, "pid": 1})

        assert command.main(["status", "--home", str(tmp_path)]) == 0
        assert json.loads(capsys.readouterr().out) == {"ready": True, "pid": 1}


class TestSenders:
    IDS: ClassVar = {it: f"the {it}" for it in command.SENDERS}

    @pytest.fixture(autouse=True)
    def _house(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def made(_: object) -> dict[str, str]:
            return self.IDS

        monkeypatch.setattr("local.demo.main.senders", made)
        monkeypatch.setattr(command, "_demo_house", lambda state: None)

    def told(self, home: Path, name: str) -> object:
        return json.loads(Home(home, {}).changes(name).read_text())

    def test_services_are_started_again_once_with_who_sends(self, tmp_path: Path):
        waiting = [sys.executable, "-c", "import time; time.sleep(600)"]
        with (
            subprocess.Popen(waiting) as running,
            subprocess.Popen(waiting) as accounts,
            subprocess.Popen(waiting) as other,
        ):
            processes = {
                "accounts": {"pid": accounts.pid},
                "interactions": {"pid": running.pid},
                "interactions-2": {"pid": None},
                "leads": {"pid": other.pid},
            }

            asyncio.run(command.name_senders(tmp_path, {"processes": processes}, again=True))
            assert running.wait(10) == accounts.wait(10) == -signal.SIGTERM
            processes["interactions"]["pid"] = processes["accounts"]["pid"] = other.pid
            asyncio.run(command.name_senders(tmp_path, {"processes": processes}, again=True))

            assert other.poll() is None
            other.kill()
        staff = {"MEKONG_STAFF_SENDER_IDENTITY_ID": "the staff_sender_identity_id"}
        for name in ("interactions", "interactions-2"):
            assert self.told(tmp_path, name) == staff
        assert self.told(tmp_path, "accounts") == {
            **staff,
            "MEKONG_CONTACT_EMAIL_IDENTITY_ID": "the contact_email_identity_id",
            "MEKONG_CONTACT_SMS_IDENTITY_ID": "the contact_sms_identity_id",
        }
        assert not Home(tmp_path, {}).changes("leads").exists()

    def test_a_house_that_leaves_knows_them_at_its_next_start(self, tmp_path: Path):
        waiting = [sys.executable, "-c", "import time; time.sleep(600)"]
        with subprocess.Popen(waiting) as accounts:
            state = {"processes": {"accounts": {"pid": accounts.pid}}}
            wanted = ["contact_sms_identity_id"]

            asyncio.run(command.name_senders(tmp_path, state, wanted, again=False))

            assert accounts.poll() is None
            accounts.kill()
        assert self.told(tmp_path, "accounts") == {
            "MEKONG_CONTACT_SMS_IDENTITY_ID": "the contact_sms_identity_id"
        }
