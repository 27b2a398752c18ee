"""Several binds with one SMSC, each serving the same queue."""

import asyncio
import random
import time

import structlog

from services.notifier.channels.line import Line
from services.notifier.channels.smpp import bind as binds
from services.notifier.channels.smpp.bind import Bind, Broken, Hear, Peer, Receive, Submission
from services.notifier.channels.wire import Done, Permit
from services.notifier.domain.states import Channel, Reason, Result, Verdict
from services.notifier.domain.work import Outgoing

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0

log = structlog.get_logger(__name__)


class SmppWire:
    """The SMS wire; see `channels.wire.Wire`."""

    channel = Channel.SMS
    provider = "smpp"

    def __init__(
        self, peer: Peer, receive: Receive, hear: Hear | None = None, *, binds: int, window: int
    ) -> None:
        """`window` bounds open attempts of a bind; `receive` keeps a receipt on disk.

        `hear` is told what people write back, and acts on it before the provider is answered.
        """
        self._hear = hear
        self.address = peer.address
        self.trouble = ""
        self._peer = peer
        self._receive = receive
        self._count = binds
        self._window = window
        self._waiting = Line()
        self._some = asyncio.Event()
        self._up: set[Bind] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._retries: set[asyncio.Task[None]] = set()
        self._permit: Permit = _Never()
        self._done: Done = _nobody

    @property
    def capacity(self) -> int:
        """The windows of the binds that are up."""
        return self._window * len(self._up)

    @property
    def waiting(self) -> int:
        """How many submitted messages no session has begun yet."""
        return len(self._waiting)

    def submit(self, message: Outgoing) -> None:
        """Queues it for the next free bind."""
        self._waiting.add(message)
        self._some.set()

    def crowd(self, _domain: str) -> None:
        """Numbers have no domain."""
        return None

    async def run(self, permit: Permit, done: Done) -> None:
        """Keeps the binds until cancelled."""
        self._permit, self._done = permit, done
        self._tasks = [asyncio.create_task(self._keep()) for _ in range(self._count)]
        try:
            await asyncio.gather(*self._tasks)
        finally:
            await self.close()

    async def close(self) -> None:
        """Unbinds; submissions without an answer are in doubt, the others are not."""
        tasks = [*self._tasks, *self._retries]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._return_all()

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                bind = await Bind.open(self._peer, self._ended, self._receive, self._hear)
                pause = _FIRST_PAUSE_SECONDS
                await self._serve(bind)
            except Broken as error:
                if self.trouble != str(error):
                    log.warning("smpp_unbound", peer=self.address, trouble=str(error))
                self.trouble = str(error)
            if not self._up:
                self._return_all()
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 (jitter)
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)

    async def _serve(self, bind: Bind) -> None:
        log.info("smpp_bound", peer=self.address)
        self.trouble = ""
        self._up.add(bind)
        tasks = {asyncio.create_task(bind.listen()), asyncio.create_task(self._feed(bind))}
        try:
            finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                task.result()
        except asyncio.CancelledError:
            await bind.unbind()
            raise
        finally:
            self._up.discard(bind)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            bind.abort()

    async def _feed(self, bind: Bind) -> None:
        """Writes queued messages to one bind."""
        while bind.is_open:
            wait = bind.throttled_until - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            message = self._waiting.take()
            if message is None:
                self._some.clear()
                await self._some.wait()
                continue
            await self._write(bind, message)
        raise Broken("closed")

    async def _write(self, bind: Bind, message: Outgoing) -> None:
        try:
            if not await self._may(message):
                self._done(message, Result(Verdict.NOT_WRITTEN))
                return
            submission = Submission(message)
            bind.write(submission, list(range(len(message.parts))))
        except (Broken, asyncio.CancelledError):
            self._done(message, Result(Verdict.NOT_WRITTEN))
            raise
        except Exception as error:
            # The codec refused it (an address it cannot hold): this message alone fails.
            log.warning("sms_not_encoded", error=type(error).__name__)
            self._done(message, Result(Verdict.REFUSED, "", Reason.ADDRESS_INVALID))
            return
        await bind.drain()

    async def _may(self, message: Outgoing) -> bool:
        allowed = self._permit.now(message)
        return await self._permit.ask(message) if allowed is None else allowed

    def _ended(self, submission: Submission) -> None:
        again = submission.again()
        if again and self._up:
            task = asyncio.create_task(self._write_again(submission, again))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)
        else:
            self._done(submission.message, submission.result())

    async def _write_again(self, submission: Submission, parts: list[int]) -> None:
        """Writes the parts that were refused for now; the others were taken already."""
        try:
            await asyncio.sleep(binds.retry_pause(submission.tries))
            bind = next(iter(self._up), None)
            if bind is not None and await self._may(submission.message):
                bind.write(submission, parts)
                submission.tries += 1
                for part in parts:
                    submission.statuses[part] = None
                return
        except Broken:
            log.info("sms_parts_not_repeated")
        except asyncio.CancelledError:
            self._done(submission.message, submission.result())
            raise
        self._done(submission.message, submission.result())

    def _return_all(self) -> None:
        while (message := self._waiting.take()) is not None:
            self._done(message, Result(Verdict.NOT_WRITTEN))


class _Never:
    """Before `run` nothing may be written."""

    def now(self, _: Outgoing) -> bool:
        return False

    async def ask(self, _: Outgoing) -> bool:
        return False


def _nobody(_: Outgoing, __: Result) -> None:
    """Before `run` nothing was submitted that could end."""
