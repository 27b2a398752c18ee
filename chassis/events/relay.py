"""Publishes what waits in an outbox; several relays share one outbox without a second effect."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import nats.errors
import structlog

from chassis import context, errors, metrics
from chassis.db import Sessions, failures, look, outbox
from chassis.events.connection import Connection
from chassis.events.publish import Outgoing, publish

HEARTBEAT_SUBJECT = "control.heartbeat"
HEARTBEAT_SECONDS = 0.5
_HEARTBEAT_LIVES_SECONDS = 10.0
_ROUND_ROWS = 1_000
# What this process commits is told by a nudge; only what another left behind waits for a look.
_POLL_SECONDS = 2.0
# Rounds of few rows cost most, so under load those that nobody waits for are gathered.
_APART_SECONDS = {outbox.Class.FACTS: 0.1, outbox.Class.AUDIT: 0.1}
_SOON_SECONDS = 0.1
_PAUSE_SECONDS = 0.5
_MEASURE_SECONDS = 5.0

log = structlog.get_logger()


class Relay:
    """One outbox class of one database to its stream; a background task of the process."""

    def __init__(
        self,
        sessions: Sessions,
        nats: Connection,
        cls: outbox.Class,
        *,
        within: float = 5.0,
    ) -> None:
        """`within` bounds, in seconds, each wait for the broker."""
        self._sessions = sessions
        self._nats = nats
        self._cls = cls
        self._is_control = cls is outbox.Class.CONTROL
        self._within = within
        self._beat_due = time.monotonic()
        self._measured_at = -_MEASURE_SECONDS
        self.__qualname__ = f"relay {cls.value}"

    async def __call__(self) -> None:
        """Relay until cancelled; see `run`."""
        await self.run()

    async def run(self) -> None:
        """Relay until cancelled; broker and database may come and go."""
        nudge = outbox.nudge(self._cls)
        self._nats.start()
        while True:
            context.end_if_cancelled()
            is_nudged = nudge.is_set()
            nudge.clear()
            try:
                more = await self._turn(look=not is_nudged)
                while more:
                    more = await self._turn(look=True)
            except Exception as error:
                if not _is_away(error):
                    raise
                metrics.outbox_failed.labels(self._cls.value).inc()
                log.warning("relay_waits", cls=self._cls.value, error=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if is_nudged:
                await asyncio.sleep(_APART_SECONDS.get(self._cls, 0.0))
            await _nudged(nudge, self._patience())

    async def _turn(self, *, look: bool) -> bool:
        """Publish what waits, or say that nothing does; True if there may be more at once."""
        told = datetime.now(UTC)
        if look and not await self._waits():
            if self._is_control and time.monotonic() >= self._beat_due:
                await self._heartbeat(told)
            return False
        await self._measure()
        await self._nats.connected(within=_MEASURE_SECONDS)
        return await self._round()

    async def _waits(self) -> bool:
        row = await look(self._sessions, outbox.WAITS, {"class": self._cls.value})
        waits = row is not None
        if not waits:
            metrics.outbox_backlog.labels(self._cls.value).set(0)
            metrics.outbox_lag_seconds.labels(self._cls.value).set(0)
        return waits

    def _patience(self) -> float:
        """Seconds until this relay looks again by itself."""
        if not self._is_control:
            return _POLL_SECONDS
        left = self._beat_due - time.monotonic()
        return left if left > 0 else _SOON_SECONDS

    async def _round(self) -> bool:
        """Publish one batch; True if there may be more to publish at once.

        The rows stay locked while the broker is asked, which takes no longer than a few times
        `within`: it is the lock that keeps two relays from publishing the same rows.
        """
        async with self._sessions.begin() as session:
            rows = await outbox.take(session, self._cls, _ROUND_ROWS)
            if not rows:
                return False
            done = await publish(self._nats, self._outgoing(rows), within=self._within)
            published = [row.id for row, is_done in zip(rows, done, strict=True) if is_done]
            if published:
                await outbox.mark_published(session, published)
        metrics.outbox_published.labels(self._cls.value).inc(len(published))
        if len(published) < len(rows):
            metrics.outbox_failed.labels(self._cls.value).inc()
            await asyncio.sleep(_PAUSE_SECONDS)
        # Of control events others want to hear that none is left, so look again.
        return self._is_control or len(rows) == _ROUND_ROWS or len(published) < len(rows)

    def _outgoing(self, rows: Sequence[outbox.Row]) -> list[Outgoing]:
        return [
            Outgoing(row.subject, row.payload, str(row.id), _headers(row, self._nats.service))
            for row in rows
        ]

    async def _measure(self) -> None:
        """Keep the gauges an operator is alerted by current, above all while the broker is away."""
        now = time.monotonic()
        if now - self._measured_at < _MEASURE_SECONDS:
            return
        self._measured_at = now
        async with self._sessions.begin() as session:
            backlog = await outbox.backlog(session, self._cls)
        metrics.outbox_backlog.labels(self._cls.value).set(backlog.count)
        metrics.outbox_lag_seconds.labels(self._cls.value).set(backlog.lag_seconds)

    async def _heartbeat(self, told: datetime) -> None:
        """Say that everything committed until `told` was published."""
        await self._nats.connected(within=_MEASURE_SECONDS)
        self._beat_due = time.monotonic() + HEARTBEAT_SECONDS
        await self._nats.js.publish(
            f"{HEARTBEAT_SUBJECT}.{self._nats.service}",
            b"",
            timeout=self._within,
            headers={"ce-time": told.isoformat(), "ce-source": self._nats.service},
            msg_ttl=_HEARTBEAT_LIVES_SECONDS,
        )


def _headers(row: outbox.Row, service: str) -> dict[str, str]:
    return {
        **row.headers,
        "ce-specversion": "1.0",
        "ce-id": str(row.id),
        "ce-type": row.subject,
        "ce-source": service,
        "ce-time": row.created_at.isoformat(),
        "revision": str(row.revision),
        **({"key": row.key} if row.key else {}),
    }


def _is_away(error: Exception) -> bool:
    if isinstance(error, errors.Unavailable | nats.errors.Error | TimeoutError | OSError):
        return True
    return failures.is_away(error)


async def _nudged(nudge: asyncio.Event, within: float) -> None:
    try:
        async with asyncio.timeout(within):
            await nudge.wait()
    except TimeoutError:
        return
