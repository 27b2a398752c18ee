"""Reacts to chunks of work and to control events."""

import functools
from collections.abc import Awaitable, Callable, Sequence
from datetime import date

import structlog
from prometheus_client import Counter
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Sessions
from chassis.errors import NotFound
from chassis.events import consumer
from chassis.events.connection import Connection
from chassis.events.consumer import Event, Poison, Policy
from chassis.events.puller import Puller
from services import topology
from services.notifier import clients, stages
from services.notifier.config import Settings
from services.notifier.domain.work import Content
from services.notifier.messages import chunks
from services.notifier.storage import partitions, senders
from services.notifier.usecases import intake, rulebook
from services.notifier.usecases.gating import Standards

_MOST_DAYS, _MOST_HASHES = 100, 1_000

log = structlog.get_logger(__name__)

_chunks = Counter(
    "mekong_notifier_chunks_total",
    "Chunks stored, by the way their messages went: straight to the wire, or in their run's line.",
    ["way"],
)
_chunks_of_gone_days = Counter(
    "mekong_notifier_chunks_of_gone_days_total",
    "Chunks that came (again) for a day that was let go of; none of their messages was stored.",
)


class Bulk:
    """Takes chunks: content first, then every recipient once, then the acknowledgement."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        contents: clients.Contents,
        nudge: Callable[[], None] = lambda: None,
        straight: Sequence[Callable[[chunks.Chunk], Awaitable[int | None]]] = (),
    ) -> None:
        """`nudge` is called once messages of a chunk may be claimed.

        `straight` are asked first whether they store a chunk and send its messages at once.
        """
        self._straight = straight
        self._settings = settings
        self._sessions = sessions
        self._contents = contents
        self._nudge = nudge
        self._days: set[date] = set()  # that have room
        self._hashes: set[str] = set()  # of contents that are kept here, for good

    async def take(self, event: Event) -> None:
        """Handles one work message; safe to repeat."""
        try:
            with stages.spent("chunk"):
                chunk = chunks.chunk(event.data)
        except chunks.Unreadable:
            raise Poison("CHUNK_UNREADABLE") from None
        await self._fetch(chunk.told.content_hash)
        try:
            new = await stages.during("insert", self._store_safely(chunk))
        except partitions.DayGone:
            # Whoever was in it was sent to long ago, and nobody could tell that from a new one.
            _chunks_of_gone_days.inc()
            log.error(
                "chunk_of_gone_day",
                chunk_id=str(chunk.chunk_id),
                run_id=str(chunk.told.run_id),
                day=chunk.told.run_date.isoformat(),
            )
            return
        self._settings.reach("after_insert_before_ack")
        log.info(
            "chunk_taken",
            chunk_id=str(chunk.chunk_id),
            run_id=str(chunk.told.run_id),
            recipients=len(chunk.recipients),
            new=new,
        )

    async def _store_safely(self, chunk: chunks.Chunk) -> int:
        day = chunk.told.run_date
        try:
            return await self._store(chunk)
        except IntegrityError:
            if day not in self._days:
                raise
            # The day that had room may have been let go of.
            self._days.discard(day)
            return await self._store(chunk)

    async def _store(self, chunk: chunks.Chunk) -> int:
        await self._make_room(chunk.told.run_date)
        for take in self._straight:
            if (sent := await take(chunk)) is not None:
                _chunks.labels("straight").inc()
                return sent
        _chunks.labels("line").inc()
        async with self._sessions.begin() as session:
            new = await intake.take(session, chunk)
        self._nudge()
        return new

    async def _make_room(self, day: date) -> None:
        if day in self._days:
            return
        async with self._sessions.begin() as session:
            await intake.make_room(session, day)
        self._days = {*sorted(self._days)[-_MOST_DAYS:], day}

    async def _fetch(self, content_hash: str) -> None:
        """Keeps the content with its files, each fetched once.

        One that campaigns does not have fails each message by itself.
        """
        if content_hash in self._hashes:
            return
        async with self._sessions.begin() as session:
            if await intake.has_content(session, content_hash):
                if len(self._hashes) >= _MOST_HASHES:
                    self._hashes.clear()
                self._hashes.add(content_hash)
                return
        try:
            content = await self._contents.get(content_hash)
            files = await self._files(content)
        except NotFound:
            log.error("content_missing", content_hash=content_hash)
            return
        async with self._sessions.begin() as session:
            await senders.add_content(session, content, files)

    async def _files(self, content: Content) -> dict[str, bytes]:
        """The attachments that are not kept here yet."""
        if not content.attachments:
            return {}
        async with self._sessions.begin() as session:
            missing = await senders.missing_files(session, content)
        return {hash: await self._contents.file(hash) for hash in missing}


async def steer(session: AsyncSession, event: Event) -> None:
    """Pauses, resumes or ends a run."""
    try:
        control = chunks.run_control(event.subject, event.data)
    except chunks.Unreadable:
        raise Poison("RUN_UNREADABLE") from None
    changed = await intake.steer(session, control)
    log.info("run_steered", run_id=str(control.run_id), state=control.state, changed=changed)


async def withdraw(session: AsyncSession, event: Event, standards: Standards | None = None) -> None:
    """Suppresses the addresses of a withdrawal; with `standards` it is confirmed, too."""
    try:
        withdrawal = chunks.withdrawal(event.data)
    except chunks.Unreadable:
        raise Poison("WITHDRAWAL_UNREADABLE") from None
    added = await intake.withdraw(session, withdrawal, standards)
    log.info("consent_withdrawn", entry_id=withdrawal.entry_id, suppressed=added)


async def regain(session: AsyncSession, event: Event) -> None:
    """Lets a consent given lift withdrawals that came before it."""
    try:
        regained = chunks.regained(event.data)
    except chunks.Unreadable:
        raise Poison("CONSENT_UNREADABLE") from None
    news = await intake.regain(session, regained)
    log.info("consent_regained", entry_id=regained.entry_id, addresses=news)


def bulk(settings: Settings, nats: Connection, sessions: Sessions, taker: Bulk) -> Puller:
    """The consumer of the region's bulk work."""
    region = settings.region
    return consumer.work(
        settings,
        nats,
        stream=topology.notify_stream(region),
        durable=f"notifier-{region}-bulk",
        handler=taker.take,
        policy=Policy(concurrency=2, handle_seconds=60.0),
        sessions=sessions,
    )


def control(
    settings: Settings, nats: Connection, sessions: Sessions, heartbeat: Callable[[Event], None]
) -> Puller:
    """The consumer of control events; one at a time, so that a heartbeat vouches for all before."""
    standards = Standards(
        rulebook.load(settings.rules_file),
        settings.default_time_zone,
        settings.mac_key.get_secret_value().encode(),
    )
    return consumer.consume(
        settings,
        nats,
        sessions,
        stream="CONTROL",
        durable=f"notifier-{settings.region}-control",
        handlers={
            "crm.leads.v1.ConsentWithdrawn": functools.partial(withdraw, standards=standards),
            "crm.leads.v1.ConsentGiven": regain,
            "crm.campaigns.v1.RunPaused": steer,
            "crm.campaigns.v1.RunResumed": steer,
            "crm.campaigns.v1.RunCancelled": steer,
        },
        on_heartbeat=heartbeat,
        # Everything behind one that fails waits for it: pauses, withdrawals, heartbeats. So it is
        # tried again quickly, and put aside within a second. One that met the locks of others did
        # not fail; while it waits the news are old, so that no advertising goes out meanwhile.
        policy=Policy(max_deliveries=4, backoff=(0.05, 0.1, 0.2), contention_seconds=300.0),
    )
