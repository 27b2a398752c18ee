"""Several SMTP sessions with one provider, each serving the same queue."""

import asyncio
import random
from collections import deque

import structlog

from services.notifier.channels.smtp import replies
from services.notifier.channels.smtp.session import Broken, Peer, Refused, Session
from services.notifier.channels.wire import Done, Permit
from services.notifier.domain.states import Channel, Reason, Result, Verdict
from services.notifier.domain.work import Outgoing

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0
_IDLE_SECONDS = 30.0
# After so long without an answer to a final dot, what stands behind it goes another way.
_STUCK_SECONDS = 3.0

log = structlog.get_logger(__name__)


class SmtpWire:
    """The e-mail wire; see `channels.wire.Wire`."""

    channel = Channel.EMAIL
    provider = "smtp"

    def __init__(self, peer: Peer, *, connections: int, window: int, per_connection: int) -> None:
        """`window` bounds open attempts; a session is closed after `per_connection` mails."""
        self.address = peer.address
        self.trouble = ""
        self._peer = peer
        self._connections = connections
        self._window = window
        self._per_connection = per_connection
        self._waiting: deque[Outgoing] = deque()
        self._some = asyncio.Event()
        self._lanes: list[_Lane] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._reachable = False

    @property
    def capacity(self) -> int:
        """The window, less the part of the sessions that wait for a silent server."""
        if not self._reachable:
            return 0
        stuck = sum(lane.is_stuck for lane in self._lanes)
        return self._window * (self._connections - stuck) // self._connections + stuck

    def submit(self, message: Outgoing) -> None:
        """Queues it for the next free session."""
        self._waiting.append(message)
        self._some.set()

    async def run(self, permit: Permit, done: Done) -> None:
        """Keeps the sessions until cancelled."""
        self._lanes = [_Lane(self, permit, done) for _ in range(self._connections)]
        self._tasks = [asyncio.create_task(lane.keep()) for lane in self._lanes]
        try:
            await asyncio.gather(self._probe(done), *self._tasks)
        finally:
            await self.close()

    async def close(self) -> None:
        """Ends the sessions; a message after its final dot is in doubt, the others are not."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for lane in self._lanes[:1]:
            self._return_all(lane.done)
        self._reachable = False

    async def _probe(self, done: Done) -> None:
        """Finds out whether the server can be reached while it is not."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            if not self._reachable:
                self._return_all(done)
                try:
                    session = await Session.open(self._peer)
                    await session.quit()
                    self.note_up()
                    pause = _FIRST_PAUSE_SECONDS
                except (Broken, Refused) as error:
                    self.note_down(str(error))
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 (jitter)
            pause = (
                _FIRST_PAUSE_SECONDS if self._reachable else min(_LONGEST_PAUSE_SECONDS, pause * 2)
            )

    def note_up(self) -> None:
        """A session could be made."""
        if not self._reachable:
            log.info("smtp_reachable", peer=self.address)
        self._reachable, self.trouble = True, ""

    def note_down(self, why: str) -> None:
        """No session could be made."""
        if self.trouble != why:
            log.warning("smtp_unreachable", peer=self.address, trouble=why)
        self._reachable, self.trouble = False, why

    async def take(self) -> Outgoing:
        """The next message to send; waits for one."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()

    def take_now(self) -> Outgoing | None:
        """The next message to send, if there is one."""
        return self._waiting.popleft() if self._waiting else None

    def _return_all(self, done: Done) -> None:
        while self._waiting:
            done(self._waiting.popleft(), Result(Verdict.NOT_WRITTEN))

    async def open(self) -> Session:
        """A new session; raises `Broken` or `Refused`, and notes either outcome."""
        try:
            session = await Session.open(self._peer)
        except (Broken, Refused) as error:
            self.note_down(str(error))
            raise
        self.note_up()
        return session

    @property
    def per_connection(self) -> int:
        """Mails a session carries before it is made anew."""
        return self._per_connection

    @property
    def final_seconds(self) -> float:
        """How long the answer to a final dot may take."""
        return self._peer.final_seconds


class _Lane:
    """One session after the other, and the one or two messages on it."""

    def __init__(self, wire: SmtpWire, permit: Permit, done: Done) -> None:
        self.done = done
        self.is_stuck = False
        self._wire = wire
        self._permit = permit
        self._session: Session | None = None
        self._current: Outgoing | None = None
        self._begun = False  # the envelope of `_current` was written
        self._dotted = False  # the final dot of `_current` was written
        self._behind: Outgoing | None = None  # its envelope was written behind that dot

    async def keep(self) -> None:
        """Serves until cancelled."""
        try:
            while True:
                try:
                    await self._serve()
                except (Broken, Refused) as error:
                    self._lose(str(error))
        finally:
            self._lose("STOPPED")

    async def _serve(self) -> None:
        """Sends messages over one session until it is used up, idle or broken."""
        self._current = await self._wire.take()
        self._session = session = await self._wire.open()
        while self._current is not None:
            if not self._begun and not await self._begin(session):
                continue
            answers = await session.read_envelope()
            await self._transact(session, answers)
            if self._current is None:
                await self._fetch(session)
        await session.quit()
        self._session = None

    async def _fetch(self, session: Session) -> None:
        """Takes the next message, unless the session is idle, closed or used up."""
        if session.sent >= self._wire.per_connection:
            return
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                self._current = await self._wire.take()
        except TimeoutError:
            return
        if not session.is_open:
            # Nothing of it was written: the server hung up while we were idle.
            raise Broken("closed while idle")

    async def _begin(self, session: Session) -> bool:
        """Writes the envelope of the current message; False when it was disposed of instead."""
        message = self._on_hand()
        if not message.claimed.address.isascii() and not session.utf8:
            self._end(Result(Verdict.REFUSED, "no SMTPUTF8", Reason.ADDRESS_INVALID))
        elif not await self._permit(message):
            self._end(Result(Verdict.NOT_WRITTEN))
        elif session.pipelining:
            session.write_envelope(message)
            self._begun = True
        else:
            self._begun = True
            await self._transact(session, await session.envelope(message))
        if self._current is None:
            await self._fetch(session)
        return self._begun

    async def _transact(
        self, session: Session, answers: tuple[replies.Reply, replies.Reply, replies.Reply]
    ) -> None:
        """Goes on after the answers to an envelope, to the end of its message."""
        mail, rcpt, data = answers
        for reply in answers:
            if reply.code == 421:
                self._end(replies.result(reply))
                raise Broken(str(reply))
        if not (mail.is_good and rcpt.is_good and data.code == 354):
            self._end(self._refusal(mail, rcpt, data))
            if data.code == 354:
                await session.cancel_data()
            else:
                await session.reset()
            return
        message = self._on_hand()
        if not await self._permit(message):
            # The server waits for a mail: only hanging up tells it that there is none.
            self._end(Result(Verdict.NOT_WRITTEN))
            raise Broken("not permitted")
        await self._write_mail(session, message)

    async def _write_mail(self, session: Session, message: Outgoing) -> None:
        await self._choose_behind(session)
        if not session.is_open:
            raise Broken("closed")
        behind = self._behind
        self._dotted = True
        session.write_body(message, behind)
        await session.drain()
        reply = await self._final_reply(session)
        self._end(replies.result(reply))
        if reply.code == 421:
            raise Broken(str(reply))
        self._current, self._behind = self._behind, None
        self._begun = self._current is not None
        if behind is not None and self._current is None:
            # Its envelope stands on this session and it went another way.
            raise Broken("given up while stuck")

    async def _choose_behind(self, session: Session) -> None:
        """Sets the message whose envelope goes right behind the final dot, if there is one."""
        if not session.pipelining or session.sent + 1 >= self._wire.per_connection:
            return
        self._behind = self._wire.take_now()
        if self._behind is None:
            return
        if not self._behind.claimed.address.isascii() or not await self._permit(self._behind):
            self._return_behind()

    async def _final_reply(self, session: Session) -> replies.Reply:
        try:
            within = min(_STUCK_SECONDS, self._wire.final_seconds)
            if not await session.answered(within) and session.is_open:
                self.is_stuck = True
                self._return_behind()
            return await session.read(within=self._wire.final_seconds)
        finally:
            self.is_stuck = False

    def _return_behind(self) -> None:
        if self._behind is not None:
            self.done(self._behind, Result(Verdict.NOT_WRITTEN))
            self._behind = None

    @staticmethod
    def _refusal(mail: replies.Reply, rcpt: replies.Reply, data: replies.Reply) -> Result:
        if not mail.is_good:
            return replies.result(mail)
        if not rcpt.is_good:
            return replies.result(rcpt, recipient=True)
        if data.is_good:  # neither 354 nor a refusal
            return Result(Verdict.BUSY, str(data), Reason.PROVIDER_BUSY)
        return replies.result(data)

    def _on_hand(self) -> Outgoing:
        if self._current is None:
            raise AssertionError("asked only while there is a message")
        return self._current

    def _end(self, result: Result) -> None:
        """Tells the end of the current message."""
        if self._current is not None:
            self.done(self._current, result)
        self._current = None
        self._begun = self._dotted = False

    def _lose(self, why: str) -> None:
        """The session is gone: after the final dot nobody knows, before it nothing was sent."""
        if self._session is not None:
            self._session.abort()
            self._session = None
        if self._dotted:
            self._end(Result(Verdict.UNKNOWN, why, Reason.ANSWER_LOST))
        elif self._begun and why != "STOPPED":
            # Not at once: it may be this message that makes the server hang up.
            self._end(Result(Verdict.BUSY, why, Reason.PROVIDER_BUSY))
        else:
            self._end(Result(Verdict.NOT_WRITTEN, why))
        self._return_behind()
