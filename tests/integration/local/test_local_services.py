"""The settings the house gives its services are the ones they take."""

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from chassis import config
from local.home import Home
from local.nats import Nats
from local.postgres import Postgres
from local.services import HOUSE, Environment, Service
from services import topology


@pytest.fixture
def told(tmp_path: Path) -> Environment:
    home = Home(tmp_path, {})
    postgres = Postgres(home.data / "postgres", "secret", port=20001)
    nats = Nats(home.data / "nats", "secret", port=20002, monitor_port=20003)
    return Environment(home, postgres, nats)


def take(environment: dict[str, str], settings: type, patch: pytest.MonkeyPatch) -> config.Settings:
    for name, value in environment.items():
        if name.startswith("MEKONG_"):
            patch.setenv(name, value)
    return config.load(settings)


class TestEnvironment:
    @pytest.mark.parametrize("service", HOUSE, ids=lambda service: service.name)
    def test_every_service_takes_what_it_is_told(
        self, service: Service, told: Environment, monkeypatch: pytest.MonkeyPatch
    ):
        settings = importlib.import_module(f"services.{service.name}.config").Settings

        taken = take(told.of(service, service.name), settings, monkeypatch)

        assert taken.instance == service.name

    def test_services_keep_what_python_compiled(
        self, told: Environment, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

        assert "PYTHONDONTWRITEBYTECODE" not in told.base()

    def test_so_does_the_command_that_makes_the_streams(
        self, told: Environment, monkeypatch: pytest.MonkeyPatch
    ):
        taken = take(told.topology(), topology.Settings, monkeypatch)

        assert isinstance(taken, topology.Settings)
        assert taken.nats_url.startswith("nats://mekong:secret@")

    def test_a_client_is_told_every_replica_of_its_peer(self, tmp_path: Path):
        services = [replace(it, replicas=2) if it.name == "notifier" else it for it in HOUSE]
        home = Home(tmp_path, {})
        postgres = Postgres(home.data / "postgres", "secret", port=20001)
        nats = Nats(home.data / "nats", "secret", port=20002, monitor_port=20003)
        environment = Environment(home, postgres, nats, services)
        campaigns, notifier = services[3], services[4]

        listening = [
            environment.of(notifier, instance)["MEKONG_GRPC_LISTEN"]
            for instance in notifier.instances
        ]

        told = environment.of(campaigns, "campaigns")
        assert len(set(listening)) == 2
        assert told["MEKONG_NOTIFIER_ADDRESS"] == ",".join(listening)
        assert "," not in told["MEKONG_LEADS_ADDRESS"]
