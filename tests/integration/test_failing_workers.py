"""A worker whose steps fail is heard of: in every service, whatever keeps it going."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import structlog
from prometheus_client import REGISTRY

from chassis import background, context, db
from chassis.config import ServiceSettings
from services.accounts import workers as accounts
from services.accounts.usecases.keyring import Keyring
from services.accounts.usecases.letters import Scribe, StaffMail
from services.accounts.workers.gauges import Gauges as AccountsGauges
from services.accounts.workers.postman import Postman
from services.campaigns import workers as campaigns
from services.campaigns.config import Settings as CampaignsSettings
from services.interactions import workers as interactions
from services.interactions.config import Settings as InteractionsSettings
from services.interactions.workers import moving, proposals, requests
from services.interactions.workers.batching import Maker
from services.interactions.workers.contact_reminders import Herald
from services.interactions.workers.delivering import Courier
from services.interactions.workers.digests import Digester
from services.interactions.workers.reminder_letters import Postman as ReminderPostman
from services.interactions.workers.resolving import Resolver
from services.interactions.workers.rounds import Watch
from services.leads.workers.eraser import Eraser
from services.leads.workers.importer import Importer
from services.notifier.channels.wire import Done, Permit
from services.notifier.domain.states import Channel
from services.notifier.workers.engine import Engine
from services.notifier.workers.freshness import Freshness
from services.notifier.workers.gauges import Gauges
from services.notifier.workers.retention import Retention
from services.notifier.workers.sweeps import Sweeper
from tests.integration.chassis.events_house import eventually
from tests.integration.notifier.notifier_parts import make_settings

S = TypeVar("S", bound=ServiceSettings)

KEY = bytes(range(32))
PEERS = ("accounts", "campaigns", "leads", "notifier")
NOBODY: Any = None
"""A peer that no worker comes to ask, since its database fails it before."""


def now() -> datetime:
    return datetime.now(UTC)


def settings(of: type[S], database_url: str, **more: object) -> S:
    """Settings of a process that reaches nothing but a database."""
    given = {
        "seal_key": "seal",
        "database_url": database_url,
        "nats_url": "nats://127.0.0.1:1",
        "issuer_url": "http://127.0.0.1:1",
        "client_id": "test",
        "client_secret": "secret",
        **{f"{it}_address": "127.0.0.1:1" for it in PEERS if f"{it}_address" in of.model_fields},
        **more,
    }
    return of.model_validate(given)


@pytest.fixture
async def bare(database_url: str) -> AsyncIterator[tuple[str, db.Sessions]]:
    """A database that answers and has no table: whatever is asked of it fails."""
    made = db.sessions(settings(ServiceSettings, database_url))
    yield database_url, made
    await db.dispose(made)


@pytest.fixture
async def away() -> AsyncIterator[db.Sessions]:
    """A database that is not there."""
    made = db.sessions(settings(ServiceSettings, "postgresql+psycopg://nobody@127.0.0.1:1/none"))
    yield made
    await db.dispose(made)


def of_accounts(_: str, sessions: db.Sessions) -> Iterator[tuple[str, Any]]:
    keyring = Keyring(KEY, timedelta(days=30), now)
    scribe = Scribe(KEY, StaffMail("http://127.0.0.1:1"))
    yield "keep signing keys", accounts.keep_keys(sessions, keyring)
    yield "lay the foundation", accounts.lay_foundation(sessions, NOBODY, "a@b.vn", None)
    yield "sweep", accounts.sweep(sessions, timedelta(hours=1))
    yield "export audit heads", accounts.export_heads(sessions, None)
    yield "gauges", AccountsGauges(sessions, [scribe])
    yield (
        "send password letters",
        Postman(sessions, scribe, NOBODY, lease_seconds=60, every_seconds=1),
    )


def of_campaigns(url: str, sessions: db.Sessions) -> Iterator[tuple[str, Any]]:
    own = settings(CampaignsSettings, url, regions="vn")
    made = campaigns.all_of(own, sessions, NOBODY, NOBODY, NOBODY, now)
    # Those wait for the broker first, or find no day to let go of.
    others = ("sender", "sender of due chunks", "retention")
    return ((it.__qualname__, it) for it in made if it.__qualname__ not in others)


def of_interactions(url: str, sessions: db.Sessions) -> Iterator[tuple[str, Any]]:
    own = settings(
        InteractionsSettings,
        url,
        public_url="http://127.0.0.1:1",
        mac_key="a key of sixteen letters",
        staff_sender_identity_id="0190f000-0000-7000-8000-000000000001",
    )
    made = [
        Watch(sessions, 1),
        interactions.open_due(sessions),
        interactions.give_reminders(sessions),
        interactions.expand_series(sessions),
        interactions.revert_batches(sessions),
        interactions.measure_due(sessions),
        proposals.tend(sessions, NOBODY, NOBODY),
        moving.moves(sessions, NOBODY),
        requests.watch(sessions, NOBODY, 1),
        Resolver(own, sessions, NOBODY),
        Maker(own, sessions, NOBODY, NOBODY),
        Courier(own, sessions, NOBODY, NOBODY),
        Herald(own, sessions, NOBODY, NOBODY),
        ReminderPostman(own, sessions, NOBODY, NOBODY, NOBODY, NOBODY),
        Digester(own, sessions, NOBODY, NOBODY, NOBODY, NOBODY),
    ]
    return ((it.__qualname__, it) for it in made)


def of_leads(_: str, sessions: db.Sessions) -> Iterator[tuple[str, Any]]:
    yield "import", Importer(sessions, now, "vn", "seal")
    settle = timedelta(seconds=1)
    yield (
        "erase",
        Eraser(sessions, NOBODY, NOBODY, "seal", now, settle=settle, every_seconds=1),
    )


def of_notifier(url: str, sessions: db.Sessions) -> Iterator[tuple[str, Any]]:
    own = make_settings(url)
    made: list[Any] = [Gauges(sessions), Retention(own, sessions), Sweeper(own, sessions)]
    return ((it.__qualname__, it) for it in made)


def crashes(task: str) -> float:
    found = REGISTRY.get_sample_value("mekong_background_crashes_total", {"task": task})
    return found or 0.0


class Wire:
    """A wire to nobody."""

    channel, provider, address, trouble = Channel.EMAIL, "smtp", "127.0.0.1:1", ""
    capacity = waiting = 0

    def crowd(self, _: str) -> None:
        return None

    def submit(self, _: object) -> None:
        raise AssertionError("a database without tables gives nothing to send")

    async def run(self, _: Permit, __: Done) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing to end."""


class TestAWorkerWhoseStepsFail:
    @pytest.mark.parametrize(
        "workers", [of_accounts, of_campaigns, of_interactions, of_leads, of_notifier]
    )
    async def test_is_counted_as_one_that_crashes(
        self,
        bare: tuple[str, db.Sessions],
        workers: Callable[[str, db.Sessions], Iterator[tuple[str, Any]]],
    ) -> None:
        made = dict(workers(*bare))
        before = {name: crashes(name) for name in made}
        draining = asyncio.Event()
        tasks = [background.Task(it, draining).task for it in made.values()]

        def silent() -> set[str]:
            return {name for name in made if crashes(name) == before[name]}

        # To render a traceback takes longer than all else here.
        with structlog.testing.capture_logs(), contextlib.suppress(TimeoutError):
            await eventually(lambda: not silent())
        await background.cancel(tasks)

        assert silent() == set()

    async def test_is_not_while_the_database_is_away(self, away: db.Sessions) -> None:
        rounds, rests = interactions.open_due(away), asyncio.Event()
        before = crashes(rounds.__qualname__)

        async def rest() -> None:
            rests.set()
            await asyncio.Event().wait()

        rounds.rest = rest
        task = background.Task(rounds, asyncio.Event()).task
        async with asyncio.timeout(10):
            await rests.wait()
        await background.cancel([task])

        assert crashes(rounds.__qualname__) == before


class TestTheNotifier:
    async def test_that_cannot_read_what_is_fresh_sends_nothing_and_is_heard(
        self, bare: tuple[str, db.Sessions]
    ) -> None:
        before = crashes("freshness")

        assert not await Freshness(bare[1], set).ensure()
        assert crashes("freshness") == before + 1

    async def test_whose_database_is_away_sends_nothing_and_waits(self, away: db.Sessions) -> None:
        before = crashes("freshness")

        assert not await Freshness(away, set).ensure()
        assert crashes("freshness") == before

    async def test_says_what_failed_while_an_engine_ended(
        self, bare: tuple[str, db.Sessions]
    ) -> None:
        url, sessions = bare
        draining, before = asyncio.Event(), crashes("engine smtp at its end")
        context.share_draining(draining)
        draining.set()

        async with asyncio.timeout(10):
            await Engine(make_settings(url), sessions, Wire())()

        # What it held could not be given back, and nobody was told that it went.
        assert crashes("engine smtp at its end") == before + 2
