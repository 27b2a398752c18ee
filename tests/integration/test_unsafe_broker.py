"""Every service that publishes says of its broker that it acknowledges before it writes to disk."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.config import ServiceSettings
from local import ports
from services.accounts.config import Settings as Accounts
from services.campaigns.config import Settings as Campaigns
from services.interactions.config import Settings as Interactions
from services.leads.config import Settings as Leads
from services.notifier.config import Settings as Notifier
from tests.integration.unsafe_broker import Broker, page, unsafe_broker

ROOT = Path(__file__).parents[2]
NOWHERE = "127.0.0.1:1"
SERVICES: dict[str, type[ServiceSettings]] = {
    "accounts": Accounts,
    "campaigns": Campaigns,
    "interactions": Interactions,
    "leads": Leads,
    "notifier": Notifier,
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with unsafe_broker(tmp_path_factory.mktemp("unsafe broker")) as running:
        yield running


def environment(service: str, broker: Broker, listen: str, folder: Path) -> dict[str, str]:
    """Settings of a process that has a broker and nothing else."""
    clients = folder / "clients.json"
    clients.write_text("{}")
    given = {
        "seal_key": "seal",
        "database_url": f"postgresql+psycopg://nobody@{NOWHERE}/none",
        "nats_url": broker.url,
        "nats_monitor_url": broker.monitor_url,
        "issuer_url": f"http://{NOWHERE}",
        "client_id": service,
        "client_secret": "secret",
        **{f"{it}_address": NOWHERE for it in SERVICES},
        "public_url": f"http://{NOWHERE}",
        "mac_key": "a key of sixteen letters",
        "regions": "vn",
        "key_encryption_key": base64.b64encode(bytes(32)).decode(),
        "service_clients_file": str(clients),
        "http_listen": listen,
        "shutdown_grace_seconds": "1",
    }
    known = SERVICES[service].model_fields
    own = {f"MEKONG_{name.upper()}": it for name, it in given.items() if name in known}
    others = {name: it for name, it in os.environ.items() if "MEKONG_" not in name}
    return {**others, "PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}", **own}


class TestAnUnsafeBroker:
    @pytest.mark.timeout(120)
    @pytest.mark.parametrize("service", SERVICES)
    def test_is_told_by_each_service(self, service: str, broker: Broker, tmp_path: Path) -> None:
        listen, log = f"127.0.0.1:{ports.free()}", tmp_path / "log"
        given = environment(service, broker, listen, tmp_path)
        command = [sys.executable, "-m", f"services.{service}"]
        deadline = time.monotonic() + 60
        with log.open("wb") as file:
            process = subprocess.Popen(command, env=given, cwd=ROOT, stdout=file, stderr=file)
            try:
                while "mekong_nats_sync_always 0.0" not in page(f"http://{listen}/metrics"):
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.1)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)

        assert "broker_unsafe" in log.read_text()
