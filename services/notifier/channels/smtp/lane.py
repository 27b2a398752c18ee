"""One SMTP session after the other, and the one or two messages on it.

A session is driven by its replies, without a task or a timer for each message: the envelope of
the next message is written right behind the final dot of the one before.
"""

import asyncio
from collections.abc import Iterable
from enum import Enum, auto
from typing import Protocol

from services.notifier.channels.smtp import meaning
from services.notifier.channels.smtp.queue import Queue
from services.notifier.channels.smtp.replies import Reply
from services.notifier.channels.smtp.session import Broken, Refused, Session, envelope
from services.notifier.channels.wire import Done, Permit
from services.notifier.domain.states import Reason, Result, Verdict
from services.notifier.domain.work import Outgoing

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0
_IDLE_SECONDS = 30.0
# After so long without an answer to a final dot, what stands behind it goes another way.
_STUCK_SECONDS = 3.0


class _At(Enum):
    IDLE = auto()
    ASKING = auto()  # may the message be written?
    ENVELOPE = auto()
    DOTTED = auto()  # the final dot was written
    RESETTING = auto()


class Lane:
    """One session after the other, and the one or two messages on it."""

    def __init__(self, pool: Queue, permit: Permit, done: Done) -> None:
        self.done = done
        self.is_stuck = False
        self._pool = pool
        self._permit = permit
        self._session: Session | None = None
        self._over: asyncio.Future[str] | None = None  # ends with why the session did
        self._asking: asyncio.Task[None] | None = None
        self._at = _At.IDLE
        self._since = 0.0
        self._sent = 0
        self._current: Outgoing | None = None
        self._begun = False  # the envelope of `_current` was written
        self._answers: list[Reply] = []
        self._unwritten: list[bytes] = []  # commands that wait for the answer to the one before
        self._behind: Outgoing | None = None  # its envelope was written behind the final dot
        self._given_away = False  # its envelope stands here, but it went another way

    async def keep(self) -> None:
        """Serves until cancelled."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while True:
                await self._pool.wait()
                try:
                    self._session = await self._pool.open()
                except (Broken, Refused):
                    await asyncio.sleep(pause)
                    pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause)
                    continue
                pause = _FIRST_PAUSE_SECONDS
                await self._serve(self._session)
        finally:
            self._lose("STOPPED")

    @property
    def is_up(self) -> bool:
        """Whether it has a session."""
        return self._session is not None

    def wake(self) -> bool:
        """Goes on if it is idle, since a message came; False if it is not."""
        session = self._session
        if self._at is not _At.IDLE or session is None or self._is_over:
            return False
        self._touch()
        self._do(self._next, session)
        return True

    def tick(self, now: float) -> None:
        """Looks whether the server is silent for too long; `now` is the loop's time."""
        if self._session is None:
            return
        silent = now - self._since
        if self._at is _At.IDLE and silent > _IDLE_SECONDS:
            self._session.leave()
            self._end_session("idle")
        elif self._at is _At.DOTTED:
            if silent > min(_STUCK_SECONDS, self._pool.final_seconds) and not self.is_stuck:
                self.is_stuck = True
                self._give_behind_away()
            if silent > self._pool.final_seconds:
                self._end_session("no answer in time")
        elif self._at in (_At.ENVELOPE, _At.RESETTING) and silent > self._pool.command_seconds:
            self._end_session("no answer in time")

    async def _serve(self, session: Session) -> None:
        """Sends messages over one session until it is used up, idle or broken."""
        self._over = asyncio.get_running_loop().create_future()
        self._sent = 0
        self._at = _At.IDLE
        self._touch()
        session.listen(self._hear)
        self._do(self._next, session)
        why = await self._over
        self._lose(why)

    @property
    def _is_over(self) -> bool:
        return self._over is None or self._over.done()

    def _do(self, step: "_Step", session: Session) -> None:
        try:
            step(session)
        except Broken as error:
            self._end_session(str(error))

    def _hear(self, heard: Iterable[Reply] | None) -> None:
        """Told of replies as they come, and of the end."""
        session, over = self._session, self._over
        if session is None or over is None or over.done():
            return
        if heard is None:
            self._end_session(session.lost)
            return
        self._touch()
        try:
            for reply in heard:
                self._on_reply(session, reply)
                if over.done():
                    return
        except Broken as error:
            self._end_session(str(error))

    def _on_reply(self, session: Session, reply: Reply) -> None:
        at = self._at
        if at is _At.ENVELOPE:
            self._on_envelope(session, reply)
        elif at is _At.DOTTED:
            self._on_final(session, reply)
        elif at is _At.RESETTING:
            self._next(session)
        else:
            # Nothing was asked: the server says goodbye.
            raise Broken(str(reply))

    def _next(self, session: Session) -> None:
        """Begins the next message, unless the session is used up or nothing waits."""
        if self._sent >= self._pool.per_connection:
            session.leave()
            self._end_session("used up")
            return
        while (message := self._pool.take()) is not None:
            self._current, self._begun = message, False
            if not message.claimed.address.isascii() and not session.utf8:
                self._end(Result(Verdict.REFUSED, "no SMTPUTF8", Reason.ADDRESS_INVALID))
                continue
            allowed = self._permit.now(message)
            if allowed is None:
                self._ask(session, message, self._begin, self._next)
                return
            if allowed:
                self._begin(session)
                return
            self._end(Result(Verdict.NOT_WRITTEN))
        self._at = _At.IDLE
        self._pool.rest(self)

    def _ask(self, session: Session, message: Outgoing, yes: "_Step", no: "_Step") -> None:
        """Finds out whether the message may be written, and goes on with `yes` or `no`."""

        async def find_out() -> None:
            allowed = await self._permit.ask(message)
            if self._session is not session or self._current is not message or self._is_over:
                return
            self._touch()
            if not allowed:
                self._end(Result(Verdict.NOT_WRITTEN))
            self._do(yes if allowed else no, session)

        self._at = _At.ASKING
        self._asking = asyncio.create_task(find_out())

    def _begin(self, session: Session) -> None:
        """Writes the envelope of the current message."""
        commands = envelope(self._on_hand())
        self._answers = []
        self._at, self._begun = _At.ENVELOPE, True
        if session.pipelining:
            self._unwritten = []
            session.write(b"".join(commands))
        else:
            self._unwritten = list(commands[1:])
            session.write(commands[0])

    def _on_envelope(self, session: Session, reply: Reply) -> None:
        self._answers.append(reply)
        if reply.code == 421:
            self._end(meaning.result(reply))
            raise Broken(str(reply))
        if self._unwritten and reply.is_good:
            session.write(self._unwritten.pop(0))
            return
        if self._unwritten:
            # A refused step ends the transaction and stands for the rest.
            self._answers += [reply] * (3 - len(self._answers))
            self._unwritten = []
        if len(self._answers) == 3:
            self._transact(session)

    def _transact(self, session: Session) -> None:
        """Goes on after the answers to an envelope."""
        mail, rcpt, data = self._answers
        if not (mail.is_good and rcpt.is_good and data.code == 354):
            self._end(meaning.refusal(mail, rcpt, data))
            self._at = _At.RESETTING
            # After 354 the server waits for a mail: an empty one, to nobody, goes nowhere.
            session.write(b".\r\n" if data.code == 354 else b"RSET\r\n")
            return
        message = self._on_hand()
        allowed = self._permit.now(message)
        if allowed is None:
            self._ask(session, message, self._write_mail, _hang_up)
        elif allowed:
            self._write_mail(session)
        else:
            self._end(Result(Verdict.NOT_WRITTEN))
            _hang_up(session)

    def _write_mail(self, session: Session) -> None:
        """Writes the mail and its final dot, and the envelope of the next right behind it."""
        message = self._on_hand()
        following = self._choose_behind(session)
        if not session.is_open:
            raise Broken("closed")
        self._at = _At.DOTTED
        self._sent += 1
        # From here on the server may have taken the message.
        prepared = message.prepared
        session.write(b"".join((prepared.payload, prepared.tail, b".\r\n", following)))

    def _choose_behind(self, session: Session) -> bytes:
        """The envelope of the message that goes right behind the final dot, if there is one."""
        if not session.pipelining or self._sent + 1 >= self._pool.per_connection:
            return b""
        message = self._pool.take()
        if message is None:
            return b""
        if not message.claimed.address.isascii() or not self._permit.now(message):
            self._pool.put_back(message)
            return b""
        self._behind = message
        return b"".join(envelope(message))

    def _on_final(self, session: Session, reply: Reply) -> None:
        self.is_stuck = False
        was_behind = self._behind
        self._end(meaning.result(reply))
        if reply.code == 421:
            raise Broken(str(reply))
        if self._given_away:
            raise Broken("given up while stuck")
        if was_behind is None:
            self._next(session)
            return
        self._current, self._behind, self._begun = was_behind, None, True
        self._answers, self._unwritten = [], []
        self._at = _At.ENVELOPE

    def _give_behind_away(self) -> None:
        if self._behind is not None:
            self.done(self._behind, Result(Verdict.NOT_WRITTEN))
            self._behind = None
            self._given_away = True

    def _on_hand(self) -> Outgoing:
        if self._current is None:
            raise AssertionError("asked only while there is a message")
        return self._current

    def _end(self, result: Result) -> None:
        """Tells the end of the current message."""
        message, self._current, self._begun = self._current, None, False
        if message is not None:
            self.done(message, result)

    def _touch(self) -> None:
        self._since = asyncio.get_running_loop().time()

    def _end_session(self, why: str) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(why)

    def _lose(self, why: str) -> None:
        """The session is gone: after the final dot nobody knows, before it nothing was sent."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        if self._session is not None:
            self._session.end()
            self._session = None
        if self._at is _At.DOTTED:
            self._end(Result(Verdict.UNKNOWN, why, Reason.ANSWER_LOST))
        elif self._begun and why != "STOPPED":
            # Not at once: it may be this message that makes the server hang up.
            self._end(Result(Verdict.BUSY, why, Reason.PROVIDER_BUSY))
        else:
            self._end(Result(Verdict.NOT_WRITTEN, why))
        self._give_behind_away()
        self.is_stuck = self._given_away = False
        self._at = _At.IDLE


class _Step(Protocol):
    def __call__(self, session: Session, /) -> None: ...


def _hang_up(_: Session) -> None:
    # The server waits for a mail: only hanging up tells it that there is none.
    raise Broken("not permitted")
