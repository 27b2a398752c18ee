"""Campaigns on a real PostgreSQL, with the answers of its peers as arguments."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from crm.campaigns.v1 import campaign_service_pb2_grpc as campaign_grpc
from crm.campaigns.v1 import run_service_pb2_grpc as run_grpc
from crm.campaigns.v1 import template_service_pb2_grpc as template_grpc

from chassis import context, db
from chassis.context import Principal
from chassis.events.consumer import consume
from services.campaigns import consumers, workers
from services.campaigns.clients.renderer import Renderer
from services.campaigns.config import Settings
from services.campaigns.domain.clock import utc_now
from services.campaigns.rpc.campaigns import CampaignServicer
from services.campaigns.rpc.runs import RunServicer
from services.campaigns.rpc.templates import ContentServicer, TemplateServicer
from tests.integration import emptied
from tests.integration.campaigns.desk import Desk, opened
from tests.integration.campaigns.house import MARKETER, House, People, Senders
from tests.integration.conftest import Serve
from tests.integration.pools import Pools


@pytest.fixture(scope="session")
def settings(make_database: Callable[[], str], nats_url: str) -> Settings:
    """Settings of a service whose schema is current."""
    made = Settings.model_validate(
        {
            "seal_key": "seal",
            "database_url": make_database(),
            "nats_url": nats_url,
            "issuer_url": "http://127.0.0.1:1",
            "client_secret": "secret",
            "leads_address": "127.0.0.1:1",
            "notifier_address": "127.0.0.1:1",
            "regions": "vn,sg",
            "poll_seconds": 0.02,
            "watch_seconds": 0.02,
            "max_open_chunks": 2,
        }
    )
    db.upgrade(made, "services.campaigns")
    return made


@pytest.fixture
async def sessions(settings: Settings, pools: Pools) -> AsyncIterator[db.Sessions]:
    """Sessions on a database with empty tables."""
    async with pools.open(settings, "campaigns") as made:
        await emptied.empty(made)
        yield made


@pytest.fixture
def people() -> People:
    """Who leads knows."""
    return People()


@pytest.fixture
def senders() -> Senders:
    """Whom the notifier sends for."""
    return Senders()


@pytest.fixture
async def house(
    settings: Settings,
    sessions: db.Sessions,
    serve: Serve,
    people: People,
    senders: Senders,
) -> House:
    """The service's RPCs, called as a marketer who may do everything with campaigns."""
    renderer, seal = Renderer(), settings.seal_key
    served = await serve(
        settings,
        "campaigns",
        [
            (
                template_grpc.add_TemplateServiceServicer_to_server,
                TemplateServicer(sessions, renderer, people, utc_now, seal),
            ),
            (template_grpc.add_ContentServiceServicer_to_server, ContentServicer(sessions)),
            (
                campaign_grpc.add_CampaignServiceServicer_to_server,
                CampaignServicer(sessions, people, senders, renderer, utc_now, seal),
            ),
            (
                run_grpc.add_RunServiceServicer_to_server,
                RunServicer(sessions, senders, seal, settings.watch_seconds),
            ),
        ],
    )

    def caller(principal: Principal | None) -> House:
        return House(sessions, people, senders, settings, served.as_(principal), caller)

    return caller(MARKETER)


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """A notifier's desk on a broker whose streams are empty."""
    async with opened(settings) as made:
        yield made


@pytest.fixture
async def at_work(house: House, desk: Desk) -> AsyncIterator[None]:
    """The service's workers and its consumer, at work."""
    background: list[Callable[[], Awaitable[None]]] = [
        *workers.all_of(
            house.settings, house.sessions, desk.nats, house.people, house.senders, utc_now
        ),
        consume(
            house.settings,
            desk.nats,
            house.sessions,
            stream=consumers.STREAM,
            durable=consumers.DURABLE,
            handlers=consumers.HANDLERS,
            batch=consumers.BATCH,
            apart=0.02,
            batch_handler=consumers.all_progressed,
        ),
    ]
    draining = asyncio.Event()
    context.share_draining(draining)
    tasks = [asyncio.ensure_future(each()) for each in background]
    yield
    draining.set()
    ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
    assert not [it for it in ended if it is not None]
