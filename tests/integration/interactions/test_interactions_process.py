"""The real process: migrates, becomes ready without any peer, stops cleanly."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def readiness(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return int(refused.code)
    except OSError:
        return 0


class TestProcess:
    @pytest.mark.timeout(120)
    def test_it_is_ready_while_broker_leads_and_campaigns_are_away(
        self, database_url: str, tmp_path: Path
    ) -> None:
        port = free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if "MEKONG_" not in name},
            "PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}",
            "MEKONG_SEAL_KEY": "seal",
            "MEKONG_DATABASE_URL": database_url,
            "MEKONG_NATS_URL": "nats://127.0.0.1:1",
            "MEKONG_ISSUER_URL": "http://127.0.0.1:1",
            "MEKONG_CLIENT_SECRET": "secret",
            "MEKONG_LEADS_ADDRESS": "127.0.0.1:1",
            "MEKONG_CAMPAIGNS_ADDRESS": "127.0.0.1:1",
            "MEKONG_ACCOUNTS_ADDRESS": "127.0.0.1:1",
            "MEKONG_NOTIFIER_ADDRESS": "127.0.0.1:1",
            "MEKONG_PUBLIC_URL": "http://127.0.0.1:1",
            "MEKONG_MAC_KEY": "a key of sixteen letters",
            "MEKONG_HTTP_LISTEN": f"127.0.0.1:{port}",
            "MEKONG_SHUTDOWN_GRACE_SECONDS": "1",
        }
        command = [sys.executable, "-m", "services.interactions"]
        log = tmp_path / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=file)
            try:
                wait_for(lambda: readiness(port) == 503, log)
                subprocess.run([*command, "migrate"], env=environment, check=True, cwd=ROOT)

                wait_for(lambda: readiness(port) == 200, log)
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0


def wait_for(holds: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
