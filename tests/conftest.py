"""Real PostgreSQL and NATS for every test that asks; one of each for a session."""

import asyncio
import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import hypothesis
import pytest
import uvloop

from local.nats import Nats
from local.postgres import Postgres

# How long an example takes by the clock says how busy the machine is, not whether a test holds.
hypothesis.settings.register_profile("mekong", deadline=None)
hypothesis.settings.load_profile("mekong")

ROLE = "tester"  # owns its databases and is no superuser, as in production


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that services run on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A running server for this session (one a worker under xdist)."""
    directory = tmp_path_factory.mktemp("postgres server") / "data"
    server = Postgres(
        directory,
        password=secrets.token_urlsafe(16),
        # Nothing here must survive the machine, and tests wait for every fsync.
        settings={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"},
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def make_database(postgres: Postgres) -> Callable[[], str]:
    """A function that makes a fresh empty database and returns its URL."""
    numbers = itertools.count(1)
    password = secrets.token_urlsafe(16)

    def make() -> str:
        name = f"test_{next(numbers)}"
        postgres.create_database(name, role=ROLE, password=password)
        return postgres.url(name, role=ROLE, password=password)

    return make


@pytest.fixture
def database_url(make_database: Callable[[], str], postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database of this test's own, dropped afterwards."""
    url = make_database()
    yield url
    postgres.drop_database(url.rsplit("/", 1)[1])


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """A running server with JetStream for this session (one a worker under xdist)."""
    directory: Path = tmp_path_factory.mktemp("nats server") / "data"
    server = Nats(directory, password=secrets.token_urlsafe(16))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_url(nats_server: Nats) -> str:
    """The client URL of the session's NATS, credentials in it."""
    return nats_server.url


@pytest.fixture(scope="session")
def nats_monitor_url(nats_server: Nats) -> str:
    """The base URL of the session's NATS monitoring pages."""
    return nats_server.monitor_url
