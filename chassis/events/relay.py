"""Publishes what waits in an outbox; several relays share one outbox without a second effect."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import nats.errors
import structlog

from chassis import errors, metrics
from chassis.db import Sessions, failures, outbox
from chassis.events.connection import Connection
from chassis.events.publish import Outgoing, publish

HEARTBEAT_SUBJECT = "control.heartbeat"
HEARTBEAT_SECONDS = 0.5
_HEARTBEAT_LIVES_SECONDS = 10.0
_ROUND_ROWS = 500
_POLL_SECONDS = {outbox.Class.CONTROL: 0.1}
_POLL_OTHERS_SECONDS = 0.5
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
        self._within = within
        self._poll = _POLL_SECONDS.get(cls, _POLL_OTHERS_SECONDS)
        self._beat_at = -HEARTBEAT_SECONDS
        self._measured_at = -_MEASURE_SECONDS
        self.__qualname__ = f"relay {cls.value}"

    async def __call__(self) -> None:
        """Relay until cancelled; see `run`."""
        await self.run()

    async def run(self) -> None:
        """Relay until cancelled; broker and database may come and go."""
        nudge = outbox.nudge(self._cls)
        while True:
            nudge.clear()
            try:
                await self._measure()
                await self._nats.connected(within=_MEASURE_SECONDS)
                if await self._round():
                    continue
                if self._cls is outbox.Class.CONTROL:
                    await self._heartbeat()
            except Exception as error:
                if not _is_away(error):
                    raise
                metrics.outbox_failed.labels(self._cls.value).inc()
                log.warning("relay_waits", cls=self._cls.value, error=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            await _nudged(nudge, self._poll)

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
        return len(rows) == _ROUND_ROWS or len(published) < len(rows)

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

    async def _heartbeat(self) -> None:
        """Tell that everything committed until now was published; say nothing otherwise."""
        now = time.monotonic()
        if now - self._beat_at < HEARTBEAT_SECONDS:
            return
        told = datetime.now(UTC)
        async with self._sessions.begin() as session:
            # Another relay may hold rows that `take` skipped and has not published yet.
            if (await outbox.backlog(session, self._cls, limit=1)).count:
                return
        self._nats.require()
        await self._nats.js.publish(
            f"{HEARTBEAT_SUBJECT}.{self._nats.service}",
            b"",
            timeout=self._within,
            headers={"ce-time": told.isoformat(), "ce-source": self._nats.service},
            msg_ttl=_HEARTBEAT_LIVES_SECONDS,
        )
        self._beat_at = now


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
