"""Fetches messages of one durable, one at a time, and answers the broker for each."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from chassis import context, errors, metrics
from chassis.db import failures
from chassis.events import deadletters, event
from chassis.events.connection import Connection
from chassis.events.event import Event, Poison

_FETCH_SECONDS = 1.0
_ACK_SECONDS = 5.0
_PAUSE_SECONDS = 0.5
_LONGEST_HOLD_SECONDS = 5.0

log = structlog.get_logger()

PullSubscription = JetStreamContext.PullSubscription


@dataclass(frozen=True)
class Policy:
    """How a consumer treats its messages; all times in seconds.

    `concurrency` messages are handled at a time by this process, each in `handle_seconds` at
    most. A failed one comes again after `backoff[failures so far]` (the last value repeats) and
    is buried after `max_deliveries`.
    """

    concurrency: int = 1
    handle_seconds: float = 30.0
    max_deliveries: int = 8
    backoff: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0)


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
    ) -> None:
        self._nats = connection
        self._stream = stream
        self._durable = durable
        self._handle = handle
        self._policy = policy
        self._draining = asyncio.Event()
        self._log = log.bind(durable=durable)
        self.__qualname__ = f"consume {durable}"

    def __await__(self) -> Generator[Any, None, None]:
        return self().__await__()

    async def __call__(self) -> None:
        """Consume until the process drains or the task is cancelled."""
        self._draining = context.draining()
        async with asyncio.TaskGroup() as group:
            for _ in range(self._policy.concurrency):
                group.create_task(self._keep_pulling())

    async def _keep_pulling(self) -> None:
        while not self._draining.is_set():
            try:
                await self._nats.connected(within=_FETCH_SECONDS)
                await self._pull()
            except NotFoundError:
                # Who deploys first is nobody's business: the topology may be applied later.
                self._log.warning("consumer_not_declared", stream=self._stream)
                await asyncio.sleep(_PAUSE_SECONDS)
            except (nats.errors.Error, errors.Unavailable, TimeoutError, OSError) as error:
                self._log.debug("pull_interrupted", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _pull(self) -> None:
        js = self._nats.js
        info = await js.consumer_info(self._stream, self._durable)
        ack_wait = float(info.config.ack_wait or 30.0)
        subscription = await js.pull_subscribe_bind(self._durable, stream=self._stream)
        try:
            while not self._draining.is_set() and self._nats.is_connected:
                if self._nats.js is not js:
                    return
                msg = await _next(subscription)
                if msg is not None:
                    await self._process(msg, ack_wait)
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()

    async def _process(self, msg: Msg, ack_wait: float) -> None:
        received = event.read(msg)
        began = time.monotonic()
        try:
            async with _in_progress(msg, ack_wait / 3):
                if received.deliveries > self._policy.max_deliveries:
                    # It took the process down with it each time, or was never answered for.
                    await self._bury(msg, received, "TOO_MANY_DELIVERIES")
                    return
                failure = await self._effect(received)
                if failure is not None:
                    await self._refuse(msg, received, failure)
                    return
        except asyncio.CancelledError:
            await _nak(msg, _PAUSE_SECONDS)
            raise
        metrics.consumer_handled.labels(self._durable).inc()
        metrics.consumer_seconds.labels(self._durable).observe(time.monotonic() - began)
        await self._acknowledge(msg, received)

    async def _effect(self, received: Event) -> Exception | None:
        """Handle the event and return why it failed; wait while a part that is needed is away."""
        pause = 0.2
        with context.bind(
            request_id=received.headers.get("x-request-id") or context.new_request_id(),
            traceparent=_traceparent(received),
        ):
            while True:
                try:
                    async with asyncio.timeout(self._policy.handle_seconds):
                        await self._handle(received)
                    return None
                except Exception as error:
                    if not _is_away(error) or self._draining.is_set():
                        return error
                    self._log.warning("consumer_waits", error=type(error).__name__)
                # The message stays ours: nothing is fetched and no delivery is counted meanwhile.
                await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 (jitter)
                pause = min(pause * 2, _LONGEST_HOLD_SECONDS)

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

    async def _acknowledge(self, msg: Msg, received: Event) -> None:
        try:
            await msg.ack_sync(timeout=_ACK_SECONDS)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            # It comes again and finds its effect done.
            self._log.info("ack_lost", event_id=received.id, error=type(error).__name__)


async def _next(subscription: PullSubscription) -> Msg | None:
    """Return the next message, None if none came within a second.

    One at a time: a fetch of several waits out its whole timeout when fewer are there.
    """
    try:
        return (await subscription.fetch(1, timeout=_FETCH_SECONDS))[0]
    except TimeoutError:
        return None


@asynccontextmanager
async def _in_progress(msg: Msg, every: float) -> AsyncIterator[None]:
    """Keep telling the broker that `msg` is worked on, so that nobody else gets it."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(every)
            with contextlib.suppress(nats.errors.Error, OSError):
                await msg.in_progress()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()


async def _nak(msg: Msg, delay: float) -> None:
    """Ask for `msg` again after `delay` seconds; without one it would spin."""
    with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
        async with asyncio.timeout(_ACK_SECONDS):
            await msg.nak(delay=delay)


def _traceparent(received: Event) -> str:
    sent = received.headers.get("traceparent", "")
    return sent if context.valid_traceparent(sent) else context.new_traceparent()


def _is_away(error: Exception) -> bool:
    if isinstance(error, errors.Unavailable | nats.errors.Error):
        return True
    return failures.is_away(error)
