"""The folder of an installation: its lock, secrets, ports, logs and state."""

import base64
import hashlib
import json
import multiprocessing
import secrets
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local import ports
from local.home import ROOT, Home, read_state
from local.secrets import Secrets


class TestLock:
    def test_a_second_run_of_one_home_is_refused_and_told_who_holds_it(self, tmp_path: Path):
        first = Home(tmp_path, {})
        first.lock()
        first.write_state({"pid": 4711})

        with pytest.raises(SystemExit, match="process 4711"):
            Home(tmp_path, {}).lock()

    def test_it_ends_with_its_process(self, tmp_path: Path):
        holder = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path,))
        holder.start()
        holder.join()

        Home(tmp_path, {}).lock()

        assert holder.exitcode == 0


def hold(root: Path) -> None:
    Home(root, {}).lock()


class TestState:
    def test_it_has_passwords_and_only_its_owner_reads_it(self, tmp_path: Path):
        home = Home(tmp_path, {})

        home.write_state({"ready": True})

        assert read_state(tmp_path) == {"ready": True}
        assert stat.S_IMODE(home.state_file.stat().st_mode) == 0o600

    def test_a_house_that_never_ran_has_none(self, tmp_path: Path):
        assert read_state(tmp_path / "nowhere") == {}


class TestLogs:
    def test_those_of_the_last_three_runs_are_kept(self, tmp_path: Path):
        home = Home(tmp_path, {})

        for run in range(1, 6):
            home.rotate_log("leads")
            home.log("leads").write_text(f"run {run}")

        kept = {path.name: path.read_text() for path in home.logs.iterdir()}
        assert kept == {
            "leads.log": "run 5",
            "leads.log.1": "run 4",
            "leads.log.2": "run 3",
            "leads.log.3": "run 2",
        }


class TestSecrets:
    def test_they_are_made_once_and_private(self, tmp_path: Path):
        first = Secrets(tmp_path / "secrets").text("seal_key")

        assert Secrets(tmp_path / "secrets").text("seal_key") == first
        assert len(first) >= 43
        file = tmp_path / "secrets" / "seal_key"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

    def test_accounts_gets_hashes_and_no_secret(self, tmp_path: Path):
        secrets = Secrets(tmp_path)

        hashes = json.loads(secrets.service_clients_file().read_text())

        secret = secrets.text("client_notifier")
        assert hashes["notifier"] == hashlib.sha256(secret.encode()).hexdigest()
        assert secret not in secrets.service_clients_file().read_text()

    def test_the_encryption_key_has_256_bits(self, tmp_path: Path):
        key = Secrets(tmp_path).encryption_key_file("key").read_text()

        assert len(base64.b64decode(key, validate=True)) == 32


class TestPorts:
    def test_a_second_run_gets_the_same(self, tmp_path: Path):
        first = ports.Ports(tmp_path / "ports.json", {})
        chosen = [first.get(name) for name in ("gateway", "nats")]

        second = ports.Ports(tmp_path / "ports.json", {})

        assert [second.get(name) for name in ("gateway", "nats")] == chosen

    def test_one_that_is_taken_by_now_is_chosen_anew(self, tmp_path: Path):
        remembered = ports.Ports(tmp_path / "ports.json", {}).get("gateway")

        with listening(remembered):
            assert ports.Ports(tmp_path / "ports.json", {}).get("gateway") != remembered

    def test_a_fixed_one_is_obeyed(self, tmp_path: Path):
        port = ports.free()
        settings = {"MEKONG_LOCAL_NATS_MONITOR_PORT": str(port)}

        assert ports.Ports(tmp_path / "ports.json", settings).get("nats-monitor") == port

    @pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "８０８０"])
    def test_a_fixed_one_that_is_no_port_is_refused_by_name(self, tmp_path: Path, text: str):
        made = ports.Ports(tmp_path / "ports.json", {"MEKONG_LOCAL_GATEWAY_PORT": text})

        with pytest.raises(SystemExit, match="MEKONG_LOCAL_GATEWAY_PORT"):
            made.get("gateway")

    def test_a_fixed_one_that_is_taken_is_refused_by_name(self, tmp_path: Path):
        port = ports.free()
        made = ports.Ports(tmp_path / "ports.json", {"MEKONG_LOCAL_GATEWAY_PORT": str(port)})

        with listening(port), pytest.raises(SystemExit, match=f"port {port} is taken"):
            made.get("gateway")

    def test_no_other_house_is_given_one_that_was_chosen_and_is_not_listened_on_yet(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        chosen, choose = ports.free(), secrets.choice
        offered = [chosen, chosen]
        monkeypatch.setattr(
            ports.secrets, "choice", lambda among: offered.pop() if offered else choose(among)
        )
        asked = f"from local import ports; print(ports.reserve({chosen}), ports.is_free({chosen}))"

        assert ports.free() != chosen
        assert offered == []
        done = subprocess.run(
            [sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["False", "True"]

    def test_free_ones_stay_clear_of_outgoing_connections(self):
        first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

        assert all(ports.free() < first_outgoing for _ in range(50))


def listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))
