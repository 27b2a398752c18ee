"""One SMTP session after the other, and the one or two messages on it."""

import asyncio
from typing import Protocol

from services.notifier.channels.smtp import replies
from services.notifier.channels.smtp.session import Broken, Refused, Session
from services.notifier.channels.wire import Done, Permit
from services.notifier.domain.states import Reason, Result, Verdict
from services.notifier.domain.work import Outgoing

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0
_IDLE_SECONDS = 30.0
# After so long without an answer to a final dot, what stands behind it goes another way.
_STUCK_SECONDS = 3.0


class Pool(Protocol):
    """What a lane needs of its wire."""

    @property
    def per_connection(self) -> int:
        """Mails a session carries before it is made anew."""
        ...

    @property
    def final_seconds(self) -> float:
        """How long the answer to a final dot may take."""
        ...

    async def take(self) -> Outgoing:
        """The next message to send; waits for one."""
        ...

    def take_now(self) -> Outgoing | None:
        """The next message to send, if there is one."""
        ...

    async def open(self) -> Session:
        """A new session; raises `Broken` or `Refused`."""
        ...


class Lane:
    """One session after the other, and the one or two messages on it."""

    def __init__(self, pool: Pool, permit: Permit, done: Done) -> None:
        self.done = done
        self.is_stuck = False
        self._pool = pool
        self._permit = permit
        self._session: Session | None = None
        self._current: Outgoing | None = None
        self._begun = False  # the envelope of `_current` was written
        self._dotted = False  # the final dot of `_current` was written
        self._behind: Outgoing | None = None  # its envelope was written behind that dot

    async def keep(self) -> None:
        """Serves until cancelled."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while True:
                try:
                    await self._serve()
                    pause = _FIRST_PAUSE_SECONDS
                except (Broken, Refused) as error:
                    refused = self._session is None
                    self._lose(str(error))
                    if refused:
                        await asyncio.sleep(pause)
                        pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause)
                    else:
                        pause = _FIRST_PAUSE_SECONDS
        finally:
            self._lose("STOPPED")

    @property
    def is_up(self) -> bool:
        """Whether it has a session."""
        return self._session is not None

    async def _serve(self) -> None:
        """Sends messages over one session until it is used up, idle or broken."""
        self._current = await self._pool.take()
        self._session = session = await self._pool.open()
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
        if session.sent >= self._pool.per_connection:
            return
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                self._current = await self._pool.take()
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
        if not session.pipelining or session.sent + 1 >= self._pool.per_connection:
            return
        self._behind = self._pool.take_now()
        if self._behind is None:
            return
        if not self._behind.claimed.address.isascii() or not await self._permit(self._behind):
            self._return_behind()

    async def _final_reply(self, session: Session) -> replies.Reply:
        try:
            within = min(_STUCK_SECONDS, self._pool.final_seconds)
            if not await session.answered(within) and session.is_open:
                self.is_stuck = True
                self._return_behind()
            return await session.read(within=self._pool.final_seconds)
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
