"""Hands a durable's messages to their handler, and answers the broker for each."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import nats.errors
import structlog
from nats.aio.msg import Msg

from chassis import context, errors, metrics
from chassis.db import failures
from chassis.events import deadletters, event, gauges
from chassis.events.connection import Connection
from chassis.events.event import Event, Poison
from chassis.events.feed import Feed

_ACK_SECONDS, _WELL_SECONDS = 5.0, 5.0
_PAUSE_SECONDS = 0.5
_LONGEST_HOLD_SECONDS = 5.0
# Others' locks are short; what is behind this message waits for it.
_LONGEST_CONTENTION_PAUSE_SECONDS = 1.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Policy:
    """How a consumer treats its messages; all times in seconds.

    `concurrency` messages are handled at a time by this process, each in `handle_seconds` at
    most. A failed one comes again after `backoff[failures so far]` (the last value repeats) and
    is buried after `max_deliveries`. One that met the locks of other transactions did not fail: it
    is handled again at once, and only after `contention_seconds` does that count as a failure.
    """

    concurrency: int = 1
    handle_seconds: float = 30.0
    max_deliveries: int = 8
    backoff: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
    contention_seconds: float = 60.0


@dataclass(frozen=True)
class Batch:
    """Up to `size` messages that are there are handled together; all succeed or none.

    Whoever was handled is followed no sooner than `apart` seconds after they were begun, so that
    under load more are there; a message that comes after a while is handled at once.
    """

    size: int
    handle: Callable[[Sequence[Event]], Awaitable[None]]
    apart: float = 0.0


class Puller:
    """A background task; ends by itself once the process drains."""

    drains = True

    def __init__(
        self,
        connection: Connection,
        stream: str,
        durable: str,
        handle: Callable[[Event], Awaitable[None]],
        policy: Policy,
        batch: Batch | None = None,
        well: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`well` raises `Unavailable` while what the handler needs is away."""
        self._nats = connection
        self._stream = stream
        self._durable = durable
        self._handle = handle
        self._policy = policy
        self._batch = batch
        self._well = well
        self._draining = asyncio.Event()
        self._log = log.bind(durable=durable)
        self.__qualname__ = f"consume {durable}"

    def __await__(self) -> Generator[Any, None, None]:
        return self().__await__()

    async def __call__(self) -> None:
        """Consume until the process drains or the task is cancelled."""
        self._draining = context.draining()
        size = self._batch.size if self._batch else 1
        room = size * self._policy.concurrency
        feed = Feed(self._nats, self._stream, self._durable, room, self._well)
        try:
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(feed.run())
                watching = gauges.watch(self._nats, self._stream, self._durable)
                measuring = group.create_task(watching)
                for _ in range(self._policy.concurrency):
                    group.create_task(self._keep_handling(feed, size))
                try:
                    await self._draining.wait()
                finally:
                    # Also when cancelled, which a child may lose in an answer that comes just then.
                    feed.stop()
                asking.cancel()
                measuring.cancel()
                await asyncio.wait([asking, measuring])
                await feed.give_back()
        finally:
            await feed.give_back()

    async def _keep_handling(self, feed: Feed, size: int) -> None:
        while taken := await feed.take(size):
            began = time.monotonic()
            try:
                for together in self._parts(taken):
                    if self._draining.is_set():
                        return
                    await self._process(feed, together)
            finally:
                for msg in filter(feed.holds, taken):
                    await _nak(msg, _PAUSE_SECONDS)
                await feed.release(taken)
            await self._gather(began)

    async def _gather(self, began: float) -> None:
        """Wait until the next may be handled, or the process drains."""
        left = began + self._batch.apart - time.monotonic() if self._batch else 0.0
        if left > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._draining.wait()

    def _parts(self, taken: Sequence[Msg]) -> list[list[Msg]]:
        """Those that come for the first time together, each that came before alone."""
        parts: list[list[Msg]] = []
        was_new = False
        for msg in taken:
            is_new = self._batch is not None and msg.metadata.num_delivered == 1
            if is_new and was_new:
                parts[-1].append(msg)
            else:
                parts.append([msg])
            was_new = is_new
        return parts

    async def _process(self, feed: Feed, messages: Sequence[Msg]) -> None:
        received = [event.read(msg) for msg in messages]
        if self._batch is not None and len(messages) > 1:
            handle, began = self._batch.handle, time.monotonic()
            if await self._effect(lambda: handle(received)) is None:
                await self._settle(feed, messages, began)
                return
            if self._draining.is_set():
                return
            # One of them is to blame; alone, it harms no other.
        for msg, alone in zip(messages, received, strict=True):
            with event.around(alone):
                await self._process_alone(feed, msg, alone)
            await feed.release([msg])

    async def _process_alone(self, feed: Feed, msg: Msg, received: Event) -> None:
        began = time.monotonic()
        if received.deliveries > self._policy.max_deliveries:
            # It took the process down with it each time, or was never answered for.
            await self._bury(msg, received, "TOO_MANY_DELIVERIES")
            return
        failure = await self._effect(lambda: self._handle(received))
        if failure is not None:
            await self._refuse(msg, received, failure)
            return
        await self._settle(feed, [msg], began)

    async def _effect(self, handle: Callable[[], Awaitable[None]]) -> Exception | None:
        """Return why the handler failed; wait while a part that it needs is away or contended."""
        pause, began = 0.1, time.monotonic()
        while True:
            try:
                async with asyncio.timeout(self._policy.handle_seconds):
                    await handle()
                return None
            except Exception as error:
                contended = failures.is_contended(error)
                if contended:
                    if time.monotonic() - began > self._policy.contention_seconds:
                        return error
                elif not await self._is_infrastructure(error):
                    return error
                if self._draining.is_set():
                    return errors.Unavailable("DATABASE_AWAY", type(error).__name__)
                self._log.warning("consumer_waits", error=type(error).__name__, contended=contended)
            # The message stays ours: nothing is fetched and no delivery is counted meanwhile.
            longest = _LONGEST_CONTENTION_PAUSE_SECONDS if contended else _LONGEST_HOLD_SECONDS
            pause = min(pause * 2, longest)
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 (jitter)

    async def _is_infrastructure(self, error: Exception) -> bool:
        """Tell a part that is away from a message that cannot be handled."""
        if _is_away(error):
            return True
        if self._well is None or not isinstance(error, TimeoutError):
            return False
        # A part that fell silent looks like a handler that hangs: ask it.
        try:
            async with asyncio.timeout(_WELL_SECONDS):
                await self._well()
        except (errors.Unavailable, TimeoutError):
            return True
        return False

    async def _settle(self, feed: Feed, messages: Sequence[Msg], began: float) -> None:
        """Acknowledge; the broker heard all once it confirms the last, since it hears in order."""
        metrics.consumer_handled.labels(self._durable).inc(len(messages))
        metrics.consumer_seconds.labels(self._durable).observe(time.monotonic() - began)
        await feed.release(messages)  # the next are on their way while this is confirmed
        try:
            for msg in messages[:-1]:
                await msg.ack()
            await messages[-1].ack_sync(timeout=_ACK_SECONDS)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            # They come again and find their effect done.
            self._log.info("ack_lost", messages=len(messages), error=type(error).__name__)

    async def _refuse(self, msg: Msg, received: Event, failure: Exception) -> None:
        if isinstance(failure, Poison | errors.InvalidArgument):
            await self._bury(msg, received, failure.reason)
            return
        reason = failure.reason if isinstance(failure, errors.Error) else type(failure).__name__
        metrics.consumer_failed.labels(self._durable).inc()
        last = received.deliveries >= self._policy.max_deliveries
        backoff = self._policy.backoff
        delay = backoff[min(received.deliveries, len(backoff)) - 1]
        self._log.warning(
            "event_failed",
            subject=received.subject,
            event_id=received.id,
            reason=reason,
            at=failures.where(failure),
            delivery=received.deliveries,
            again_in_seconds=None if last else delay,
        )
        if last and not _is_away(failure):
            await self._bury(msg, received, reason)
        else:
            await _nak(msg, delay)

    async def _bury(self, msg: Msg, received: Event, reason: str) -> None:
        try:
            await deadletters.bury(self._nats, self._durable, msg, reason)
            await self._nats.client.request(msg.reply, Msg.Ack.Term, timeout=_ACK_SECONDS)
        except (nats.errors.Error, errors.Unavailable, TimeoutError, OSError) as error:
            self._log.error("event_not_buried", event_id=received.id, error=type(error).__name__)
            await _nak(msg, _LONGEST_HOLD_SECONDS)
            return
        metrics.consumer_dead.labels(self._durable).inc()
        self._log.error(
            "event_buried",
            subject=received.subject,
            event_id=received.id,
            reason=reason,
            deliveries=received.deliveries,
        )


async def _nak(msg: Msg, delay: float) -> None:
    """Ask for `msg` again after `delay` seconds; without one it would spin."""
    with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
        async with asyncio.timeout(_ACK_SECONDS):
            await msg.nak(delay=delay)


def _is_away(error: Exception) -> bool:
    if isinstance(error, errors.Unavailable | nats.errors.Error):
        return True
    return failures.is_away(error)
