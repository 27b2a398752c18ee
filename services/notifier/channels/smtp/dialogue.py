"""The one or two messages on an SMTP session.

It is driven by the server's replies, without a task or a timer for each message: the envelope of
the next message is written right behind the final dot of the one before.
"""

import asyncio
from collections.abc import Callable, Iterable
from enum import Enum, auto

from services.notifier.channels.smtp import meaning
from services.notifier.channels.smtp.queue import Queue
from services.notifier.channels.smtp.replies import Reply
from services.notifier.channels.smtp.session import Broken, Session, envelope
from services.notifier.channels.wire import Done, Permit
from services.notifier.domain.states import Reason, Result, Verdict
from services.notifier.domain.work import Outgoing

_IDLE_SECONDS = 30.0
# After so long without an answer to a final dot, what stands behind it goes another way.
_STUCK_SECONDS = 3.0


class _At(Enum):
    IDLE = auto()
    ASKING = auto()  # may the message be written?
    ENVELOPE = auto()
    DOTTED = auto()  # the final dot was written
    RESETTING = auto()


class Dialogue:
    """What is said on one session, from its first message to its end."""

    def __init__(self, session: Session, pool: Queue, permit: Permit, done: Done) -> None:
        self.is_stuck = False
        self._session = session
        self._pool = pool
        self._permit = permit
        self._done = done
        # Ends with why the session did.
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
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

    async def run(self) -> None:
        """Sends messages until the session is used up, idle or broken."""
        why = "STOPPED"
        try:
            self._touch()
            self._session.listen(self._hear)
            self._do(self._next)
            why = await self._over
        finally:
            self._lose(why)

    @property
    def is_up(self) -> bool:
        """Whether the session lives."""
        return not self._over.done()

    def wake(self) -> bool:
        """Goes on if it is idle, since a message came; False if it is not."""
        if self._at is not _At.IDLE or not self.is_up:
            return False
        self._touch()
        self._do(self._next)
        return True

    def tick(self, now: float) -> None:
        """Looks whether the server is silent for too long; `now` is the loop's time."""
        if not self.is_up:
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

    def _do(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Broken as error:
            self._end_session(str(error))

    def _hear(self, heard: Iterable[Reply] | None) -> None:
        """Told of replies as they come, and of the end."""
        if not self.is_up:
            return
        if heard is None:
            self._end_session(self._session.lost)
            return
        self._touch()
        try:
            for reply in heard:
                self._on_reply(reply)
                if not self.is_up:
                    return
        except Broken as error:
            self._end_session(str(error))

    def _on_reply(self, reply: Reply) -> None:
        at = self._at
        if at is _At.ENVELOPE:
            self._on_envelope(reply)
        elif at is _At.DOTTED:
            self._on_final(reply)
        elif at is _At.RESETTING:
            self._next()
        else:
            # Nothing was asked: the server says goodbye.
            raise Broken(str(reply))

    def _next(self) -> None:
        """Begins the next message, unless the session is used up or nothing waits."""
        if self._sent >= self._pool.per_connection:
            self._session.leave()
            self._end_session("used up")
            return
        while (message := self._pool.take()) is not None:
            self._current, self._begun = message, False
            if not message.claimed.address.isascii() and not self._session.utf8:
                self._end(Result(Verdict.REFUSED, "no SMTPUTF8", Reason.ADDRESS_INVALID))
                continue
            allowed = self._permit.now(message)
            if allowed is None:
                self._ask(message, self._begin, self._next)
                return
            if allowed:
                self._begin()
                return
            self._end(Result(Verdict.NOT_WRITTEN))
        self._at = _At.IDLE
        self._pool.rest(self)

    def _ask(self, message: Outgoing, yes: Callable[[], None], no: Callable[[], None]) -> None:
        """Finds out whether the message may be written, and goes on with `yes` or `no`."""

        async def find_out() -> None:
            allowed = await self._permit.ask(message)
            if self._current is not message or not self.is_up:
                return
            self._touch()
            if not allowed:
                self._end(Result(Verdict.NOT_WRITTEN))
            self._do(yes if allowed else no)

        self._at = _At.ASKING
        self._asking = asyncio.create_task(find_out())

    def _begin(self) -> None:
        """Writes the envelope of the current message."""
        commands = envelope(self._on_hand())
        self._answers = []
        self._at, self._begun = _At.ENVELOPE, True
        if self._session.pipelining:
            self._unwritten = []
            self._session.write(b"".join(commands))
        else:
            self._unwritten = list(commands[1:])
            self._session.write(commands[0])

    def _on_envelope(self, reply: Reply) -> None:
        self._answers.append(reply)
        if reply.code == 421:
            self._end(meaning.result(reply))
            raise Broken(str(reply))
        if self._unwritten and reply.is_good:
            self._session.write(self._unwritten.pop(0))
            return
        if self._unwritten:
            # A refused step ends the transaction and stands for the rest.
            self._answers += [reply] * (3 - len(self._answers))
            self._unwritten = []
        if len(self._answers) == 3:
            self._transact()

    def _transact(self) -> None:
        """Goes on after the answers to an envelope."""
        mail, rcpt, data = self._answers
        if not (mail.is_good and rcpt.is_good and data.code == 354):
            self._end(meaning.refusal(mail, rcpt, data))
            self._at = _At.RESETTING
            # After 354 the server waits for a mail: an empty one, to nobody, goes nowhere.
            self._session.write(b".\r\n" if data.code == 354 else b"RSET\r\n")
            return
        message = self._on_hand()
        allowed = self._permit.now(message)
        if allowed is None:
            self._ask(message, self._write_mail, _hang_up)
        elif allowed:
            self._write_mail()
        else:
            self._end(Result(Verdict.NOT_WRITTEN))
            _hang_up()

    def _write_mail(self) -> None:
        """Writes the mail and its final dot, and the envelope of the next right behind it."""
        message = self._on_hand()
        following = self._choose_behind()
        if not self._session.is_open:
            raise Broken("closed")
        self._at = _At.DOTTED
        self._sent += 1
        # From here on the server may have taken the message.
        prepared = message.prepared
        self._session.write(b"".join((prepared.payload, prepared.tail, b".\r\n", following)))

    def _choose_behind(self) -> bytes:
        """The envelope of the message that goes right behind the final dot, if there is one."""
        if not self._session.pipelining or self._sent + 1 >= self._pool.per_connection:
            return b""
        message = self._pool.take()
        if message is None:
            return b""
        if not message.claimed.address.isascii() or not self._permit.now(message):
            self._pool.put_back(message)
            return b""
        self._behind = message
        return b"".join(envelope(message))

    def _on_final(self, reply: Reply) -> None:
        self.is_stuck = False
        was_behind = self._behind
        self._end(meaning.result(reply))
        if reply.code == 421:
            raise Broken(str(reply))
        if self._given_away:
            raise Broken("given up while stuck")
        if was_behind is None:
            self._next()
            return
        self._current, self._behind, self._begun = was_behind, None, True
        self._answers, self._unwritten = [], []
        self._at = _At.ENVELOPE

    def _give_behind_away(self) -> None:
        if self._behind is not None:
            self._done(self._behind, Result(Verdict.NOT_WRITTEN))
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
            self._done(message, result)

    def _touch(self) -> None:
        self._since = asyncio.get_running_loop().time()

    def _end_session(self, why: str) -> None:
        if self.is_up:
            self._over.set_result(why)

    def _lose(self, why: str) -> None:
        """The session is gone: after the final dot nobody knows, before it nothing was sent."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        self._over.cancel()
        self._session.end()
        if self._at is _At.DOTTED:
            self._end(Result(Verdict.UNKNOWN, why, Reason.ANSWER_LOST))
        elif self._begun and why != "STOPPED":
            # Not at once: it may be this message that makes the server hang up.
            self._end(Result(Verdict.BUSY, why, Reason.PROVIDER_BUSY))
        else:
            self._end(Result(Verdict.NOT_WRITTEN, why))
        self._give_behind_away()
        self.is_stuck = False


def _hang_up() -> None:
    # The server waits for a mail: only hanging up tells it that there is none.
    raise Broken("not permitted")
