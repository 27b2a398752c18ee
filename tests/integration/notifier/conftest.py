"""A notifier's parts for every test that asks."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest
from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceStub

from chassis import db
from services.notifier import rpc
from services.notifier.config import Settings
from tests.integration.conftest import Serve
from tests.integration.notifier import broker_parts
from tests.integration.notifier.broker_parts import Broker
from tests.integration.notifier.doubt_parts import OPERATOR
from tests.integration.notifier.notifier_parts import House, MailServer, make_settings
from tests.integration.pools import Pools
from tests.integration.serving import Served

if TYPE_CHECKING:
    from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceAsyncStub


@pytest.fixture(scope="session")
def notifier_database(make_database: Callable[[], str]) -> str:
    """The URL of a migrated database, which tests use one after the other."""
    url = make_database()
    db.upgrade(make_settings(url), "services.notifier")
    return url


@pytest.fixture
def settings(notifier_database: str) -> Settings:
    """Settings with short patience."""
    return make_settings(notifier_database)


@pytest.fixture
async def house(settings: Settings, pools: Pools) -> AsyncIterator[House]:
    """An emptied database with an advertiser, its identities and a content."""
    async with pools.open(settings, "notifier") as sessions:
        made = House(settings, sessions)
        await made.empty()
        await made.furnish()
        yield made
        await made.stop_all()


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    """A running mail server."""
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def served(house: House, serve: Serve) -> Served:
    """The notifier's server."""
    return await serve(
        house.settings, "notifier", rpc.servicers(house.settings, house.sessions, [])
    )


@pytest.fixture
async def operator(served: Served) -> "DoubtServiceAsyncStub":
    """DoubtService, called by somebody who may settle doubts."""
    return DoubtServiceStub(served.as_(OPERATOR))


@pytest.fixture
async def broker(house: House, nats_url: str) -> AsyncIterator[Broker]:
    """A running bulk and control consumer."""
    async with broker_parts.consuming(house, nats_url) as made:
        yield made
