"""One SMPP bind: a window of submissions, answers matched by sequence number."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import smpp34
import structlog

from chassis.db.patience import tell
from services.notifier.channels.smpp import pdu
from services.notifier.domain.states import Reason, Result, Verdict
from services.notifier.domain.work import Outgoing

_UNKNOWN = -1
_MOST_TRIES = 5
_RETRY_SECONDS = 1.0

Receive = Callable[[pdu.ReceiptIn], Awaitable[None]]
Hear = Callable[[pdu.ReplyIn], Awaitable[None]]

log = structlog.get_logger(__name__)


class Broken(Exception):
    """The bind is of no more use."""


@dataclass(frozen=True)
class Peer:
    """The SMSC and how to speak with it; times in seconds."""

    host: str
    port: int
    system_id: str
    password: str
    response_seconds: float = 60.0
    enquire_seconds: float = 20.0
    connect_seconds: float = 10.0
    id_form: pdu.IdForm = "same"

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


@dataclass
class Submission:
    """A message on the wire: the status and id of each part, None until answered."""

    message: Outgoing
    statuses: list[int | None] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    tries: int = 1

    def __post_init__(self) -> None:
        self.statuses = [None] * len(self.message.parts)
        self.references = [""] * len(self.message.parts)

    @property
    def is_answered(self) -> bool:
        """Whether every part has an answer, or is known to get none."""
        return None not in self.statuses

    def again(self) -> list[int]:
        """Parts to write again: refused for now, while others of the message were taken."""
        if self.tries >= _MOST_TRIES or pdu.OK not in self.statuses:
            return []
        if any(it not in pdu.TRANSIENT | {pdu.OK} for it in self.statuses):
            return []
        return [at for at, status in enumerate(self.statuses) if status != pdu.OK]

    def result(self) -> Result:
        """What the answers of the parts mean for the whole."""
        statuses = [it if it is not None else _UNKNOWN for it in self.statuses]
        answer = ",".join("no answer" if it == _UNKNOWN else f"0x{it:08X}" for it in statuses)
        references = tuple(self.references)
        if all(it == pdu.OK for it in statuses):
            return Result(Verdict.TAKEN, answer, references=references)
        if _UNKNOWN in statuses:
            return Result(Verdict.UNKNOWN, answer, Reason.ANSWER_LOST, references)
        if pdu.OK in statuses:
            return Result(Verdict.REFUSED, answer, Reason.PARTLY_REFUSED, references)
        if all(it in pdu.TRANSIENT for it in statuses):
            return Result(Verdict.BUSY, answer, Reason.PROVIDER_BUSY)
        bad = any(it in pdu.BAD_ADDRESS for it in statuses)
        reason = Reason.ADDRESS_INVALID if bad else Reason.PROVIDER_REFUSED
        return Result(Verdict.REFUSED, answer, reason)


class Bind:
    """A bound session; `ended` is told of each submission whose answers are complete."""

    def __init__(
        self,
        peer: Peer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ended: Callable[[Submission], None],
        receive: Receive,
        hear: Hear | None = None,
    ) -> None:
        self._hear = hear
        self._peer = peer
        self._reader = reader
        self._writer = writer
        self._ended = ended
        self._receive = receive
        self._sequence = 1  # the bind's own
        self._open: dict[int, tuple[Submission, int, float]] = {}
        self._late: dict[int, tuple[Submission, int]] = {}
        self._receipts: set[asyncio.Task[None]] = set()
        self._heard = time.monotonic()
        self.throttled_until = 0.0
        self._throttle_seconds = 0.25

    @classmethod
    async def open(
        cls,
        peer: Peer,
        ended: Callable[[Submission], None],
        receive: Receive,
        hear: Hear | None = None,
    ) -> "Bind":
        """Connects and binds; raises `Broken` with the trouble."""
        try:
            async with asyncio.timeout(peer.connect_seconds):
                reader, writer = await asyncio.open_connection(peer.host, peer.port)
        except (OSError, TimeoutError) as error:
            raise Broken(type(error).__name__) from None
        try:
            writer.write(pdu.bind(1, peer.system_id, peer.password))
            async with asyncio.timeout(peer.connect_seconds):
                answer = await pdu.read(reader)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
            writer.transport.abort()
            raise Broken(type(error).__name__) from None
        if answer.status != pdu.OK or answer.command != pdu.BIND_TRANSCEIVER | pdu.RESPONSE:
            writer.transport.abort()
            raise Broken(f"bind refused: 0x{answer.status:08X}")
        return cls(peer, reader, writer, ended, receive, hear)

    @property
    def is_open(self) -> bool:
        """False once the connection ended, as far as is known."""
        return not (self._reader.at_eof() or self._writer.transport.is_closing())

    def write(self, submission: Submission, parts: list[int]) -> None:
        """Writes parts of a submission; from here on the provider may have taken them.

        Raises `Broken` before anything is written when the connection has ended.
        """
        if not self.is_open:
            raise Broken("closed")
        numbered = [(part, self._next()) for part in parts]
        data = [pdu.submit(submission.message, part, number) for part, number in numbered]
        now = time.monotonic()
        self._open.update({number: (submission, part, now) for part, number in numbered})
        self._writer.write(b"".join(data))

    async def drain(self) -> None:
        """Waits until the socket took most of what was written."""
        try:
            await self._writer.drain()
        except OSError as error:
            raise Broken(type(error).__name__) from None

    async def listen(self) -> None:
        """Handles what the SMSC sends until the connection ends; raises `Broken`."""
        watch = asyncio.create_task(self._watch())
        try:
            while True:
                self._handle(await pdu.read(self._reader))
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise Broken(type(error).__name__) from None
        finally:
            watch.cancel()
            self.abort()

    def abort(self) -> None:
        """Closes at once; open submissions are in doubt."""
        self._writer.transport.abort()
        waiting, self._open = self._open, {}
        for submission, part, _ in waiting.values():
            self._note(submission, part, _UNKNOWN, "")

    async def unbind(self) -> None:
        """Says goodbye, waits shortly for receipts to be kept, and closes."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.gather(*self._receipts, return_exceptions=True)
                self._writer.write(pdu.simple(pdu.UNBIND, self._next()))
                await self._writer.drain()
        self.abort()

    def _next(self) -> int:
        self._sequence = self._sequence % 0x7FFFFFFE + 1
        return self._sequence

    def _handle(self, got: pdu.Pdu) -> None:
        self._heard = time.monotonic()
        match got.command:
            case pdu.DELIVER_SM:
                task = asyncio.create_task(self._keep(got))
                self._receipts.add(task)
                task.add_done_callback(self._receipts.discard)
            case pdu.ENQUIRE_LINK:
                self._answer(pdu.ENQUIRE_LINK, got.sequence)
            case pdu.UNBIND:
                self._answer(pdu.UNBIND, got.sequence)
                raise ValueError("unbound by the peer")
            case command if command in (pdu.SUBMIT_SM | pdu.RESPONSE, pdu.GENERIC_NACK):
                self._answered(got)

    def _answered(self, got: pdu.Pdu) -> None:
        status = got.status
        if got.command == pdu.GENERIC_NACK and status == pdu.OK:
            status = 0x08
        reference = pdu.canonical(got.text()) if status == pdu.OK else ""
        if got.sequence in self._late:
            submission, part = self._late.pop(got.sequence)
        elif got.sequence in self._open:
            submission, part, _ = self._open.pop(got.sequence)
        else:
            return
        self._throttle(status)
        self._note(submission, part, status, reference)

    def _throttle(self, status: int) -> None:
        if status in pdu.THROTTLED:
            self.throttled_until = time.monotonic() + self._throttle_seconds
            self._throttle_seconds = min(8.0, self._throttle_seconds * 2)
        elif status == pdu.OK and time.monotonic() > self.throttled_until:
            self._throttle_seconds = 0.25

    def _note(self, submission: Submission, part: int, status: int, reference: str) -> None:
        submission.statuses[part] = status
        submission.references[part] = reference
        if submission.is_answered:
            self._ended(submission)

    async def _keep(self, got: pdu.Pdu) -> None:
        """Answers a deliver_sm once its receipt is on disk; otherwise it will come again."""
        status = pdu.OK
        try:
            receipt = pdu.receipt(got.raw, self._peer.id_form)
            if receipt is not None:
                await self._receive(receipt)
            elif self._hear is not None and (reply := pdu.reply(got.raw)) is not None:
                await self._hear(reply)
        except smpp34.SmppError:
            log.warning("deliver_sm_unreadable")
        except Exception as error:
            # Whatever kept it from the disk, the provider still has it and asks again.
            tell("receipts", error)
            status = pdu.TRY_LATER
        self._answer(pdu.DELIVER_SM, got.sequence, status, b"\x00")

    def _answer(self, command: int, sequence: int, status: int = pdu.OK, body: bytes = b"") -> None:
        if self.is_open:
            self._writer.write(pdu.simple(command | pdu.RESPONSE, sequence, status, body))

    async def _watch(self) -> None:
        """Gives up answers that are overdue, and asks a quiet peer whether it lives."""
        asked = 0.0
        while True:
            await asyncio.sleep(min(1.0, self._peer.response_seconds / 4))
            now = time.monotonic()
            for sequence, (submission, part, at) in list(self._open.items()):
                if now - at > self._peer.response_seconds:
                    del self._open[sequence]
                    # Its answer may still come, and then settles the doubt.
                    self._late[sequence] = (submission, part)
                    self._note(submission, part, _UNKNOWN, "")
            quiet = now - self._heard
            if quiet > 2 * self._peer.enquire_seconds + 5:
                self._writer.transport.abort()
            elif quiet > self._peer.enquire_seconds and now - asked > self._peer.enquire_seconds:
                asked = now
                self._writer.write(pdu.simple(pdu.ENQUIRE_LINK, self._next()))


def retry_pause(tries: int) -> float:
    """Seconds before parts refused for now are written again."""
    return _RETRY_SECONDS * tries
