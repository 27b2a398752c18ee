"""The messages of one durable as they arrive, by a pull request that lives for long."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import Header, StatusCode
from nats.js.errors import NotFoundError

from chassis import errors
from chassis.events.connection import Connection

# The broker ends a request after the first and, until then, says at times that it has it.
_EXPIRES_SECONDS, _BEAT_SECONDS = 60.0, 10.0
_SILENCE_SECONDS = 2.5 * _BEAT_SECONDS
_CONNECT_SECONDS, _PAUSE_SECONDS, _FLUSH_SECONDS = 1.0, 0.5, 2.0
_NANO = 1_000_000_000
_PENDING = "Nats-Pending-Messages"

log = structlog.get_logger()


class Feed:
    """Asks for no more than `capacity` messages that are not yet released.

    An idle one costs a heartbeat every ten seconds. What it holds it reports as in progress, so
    that the broker gives it to nobody else. It outlives the loss of the broker and of the durable.
    It asks for nothing until `well` returns: what cannot be handled is not fetched.
    """

    def __init__(
        self,
        connection: Connection,
        stream: str,
        durable: str,
        capacity: int,
        well: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._nats = connection
        self._stream = stream
        self._durable = durable
        self._capacity = capacity
        self._well = well
        self._arrived: deque[Msg] = deque()
        self._taken: dict[int, Msg] = {}
        self._asked = 0
        self._heard = 0
        self._inbox = ""
        self._is_stopped = False
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self._ack_wait = 0.0
        self._opened = asyncio.Event()
        self._log = log.bind(durable=durable)

    async def run(self) -> None:
        """Keep asking, and keep what is held, until stopped."""
        telling = asyncio.create_task(self._keep_telling())
        try:
            while not self._is_stopped:
                try:
                    await self._nats.connected(within=_CONNECT_SECONDS)
                    if await self._is_well():
                        await self._listen()
                except NotFoundError:
                    # Who deploys first is nobody's business: the topology may be applied later.
                    self._log.warning("consumer_not_declared", stream=self._stream)
                except (nats.errors.Error, errors.Unavailable, TimeoutError, OSError) as error:
                    self._log.debug("pull_interrupted", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            telling.cancel()

    async def take(self, limit: int) -> list[Msg]:
        """Wait for a message and return those that are there, at most `limit`.

        They are to be released. An empty list means that the feed was stopped.
        """
        while not self._arrived and not self._is_stopped:
            self._news.clear()
            await self._news.wait()
        if self._is_stopped:
            return []
        taken = [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]
        self._taken |= {id(msg): msg for msg in taken}
        return taken

    def holds(self, msg: Msg) -> bool:
        """True for what was taken and not yet released."""
        return id(msg) in self._taken

    async def release(self, messages: Iterable[Msg]) -> None:
        """Make room: the broker is told of these, or about to be."""
        for msg in messages:
            self._taken.pop(id(msg), None)
        await self._ask()

    def stop(self) -> None:
        """Give out nothing more and ask for nothing more."""
        self._is_stopped = True
        self._news.set()
        self._ended.set()

    async def give_back(self) -> None:
        """Let another process have at once what nobody here has begun; after `stop`."""
        while self._arrived:
            with contextlib.suppress(nats.errors.Error, OSError):
                await self._arrived.popleft().nak()

    async def _is_well(self) -> bool:
        try:
            if self._well is not None:
                await self._well()
        except errors.Unavailable as away:
            self._log.warning("consumer_waits", error=away.reason)
            return False
        return True

    async def _listen(self) -> None:
        client, lost = self._nats.client, self._nats.lost
        info = await self._nats.js.consumer_info(self._stream, self._durable)
        self._ack_wait = float(info.config.ack_wait or 30.0)
        self._opened.set()
        # A new address, so that what was asked before a loss is never taken for what is asked now.
        self._inbox, self._asked = client.new_inbox(), 0
        if not self._is_stopped:
            self._ended.clear()
        subscription = await client.subscribe(self._inbox, cb=self._arrive)
        try:
            await self._ask()
            await self._while_heard(lost)
        finally:
            self._inbox = ""
            await _unsubscribe(subscription, is_lost=lost.is_set())

    async def _while_heard(self, lost: asyncio.Event) -> None:
        """Return when the connection or the durable went, or the broker forgot the request."""
        waits = [asyncio.create_task(it.wait()) for it in (lost, self._ended)]
        try:
            while True:
                before = self._heard
                done, _ = await asyncio.wait(
                    waits, timeout=_SILENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if done or (self._asked and self._heard == before):
                    return
        finally:
            for wait in waits:
                wait.cancel()

    async def _ask(self) -> None:
        free = self._capacity - len(self._arrived) - len(self._taken) - self._asked
        # A request for each message that was dealt with would be one more message each.
        worth = free > 0 and (not self._asked or free >= max(1, self._capacity // 4))
        if not worth or self._is_stopped or not self._inbox or not self._nats.is_connected:
            return
        self._asked += free
        wish = {
            "batch": free,
            "expires": int(_EXPIRES_SECONDS * _NANO),
            "idle_heartbeat": int(_BEAT_SECONDS * _NANO),
        }
        await self._nats.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}",
            json.dumps(wish).encode(),
            reply=self._inbox,
        )

    async def _arrive(self, msg: Msg) -> None:
        self._heard += 1
        if msg.reply:  # only what is to be acknowledged has somewhere to say so
            self._asked = max(0, self._asked - 1)
            self._arrived.append(msg)
            self._news.set()
            return
        headers = msg.headers or {}
        status = headers.get(Header.STATUS)
        if status == StatusCode.CONTROL_MESSAGE:
            return
        if status in (StatusCode.NO_MESSAGES, StatusCode.REQUEST_TIMEOUT):
            unused = headers.get(_PENDING, "")
            self._asked = max(0, self._asked - int(unused)) if unused.isdigit() else 0
            await self._ask()
            return
        # The durable was deleted, has another leader, or nobody answers for it.
        self._log.debug("pull_ended", status=status)
        self._ended.set()

    async def _keep_telling(self) -> None:
        await self._opened.wait()  # nothing arrives before
        while True:
            await asyncio.sleep(self._ack_wait / 3)
            for msg in (*self._taken.values(), *self._arrived):
                with contextlib.suppress(nats.errors.Error, OSError):
                    await msg.in_progress()


async def _unsubscribe(subscription: Subscription, *, is_lost: bool) -> None:
    with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
        if is_lost:
            await subscription.unsubscribe()
            return
        # What is on its way would come again only after the acknowledgement wait: let it arrive.
        async with asyncio.timeout(_FLUSH_SECONDS):
            await subscription.drain()  # type: ignore[no-untyped-call]
