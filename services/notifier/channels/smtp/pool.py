"""Several SMTP sessions with one provider, each serving the same queue."""

import asyncio
import random
from collections import deque

import structlog

from services.notifier.channels.line import Line
from services.notifier.channels.smtp.lane import Lane
from services.notifier.channels.smtp.queue import Sleeper
from services.notifier.channels.smtp.session import Broken, Peer, Refused, Session
from services.notifier.channels.turns import Turns
from services.notifier.channels.wire import Done, Permit
from services.notifier.domain.states import Channel, Result, Verdict
from services.notifier.domain.throttling import Crowd
from services.notifier.domain.work import Outgoing

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0
_TICK_SECONDS = 0.25

log = structlog.get_logger(__name__)


class SmtpWire:
    """The e-mail wire; see `channels.wire.Wire`."""

    channel = Channel.EMAIL
    provider = "smtp"

    def __init__(
        self,
        peer: Peer,
        *,
        connections: int,
        window: int,
        per_connection: int,
        waiting: Line | Turns | None = None,
    ) -> None:
        """`window` bounds open attempts; a session is closed after `per_connection` mails."""
        self.address = peer.address
        self.trouble = ""
        self._peer = peer
        self._connections = connections
        self._window = window
        self._per_connection = per_connection
        # Asked so, since an empty one is false.
        self._waiting = waiting if waiting is not None else Line()
        self._some = asyncio.Event()
        self._resting: deque[Sleeper] = deque()
        self._lanes: list[Lane] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._reachable = False

    @property
    def capacity(self) -> int:
        """The window, less the part of the sessions that wait for a silent server."""
        if not self._reachable:
            return 0
        stuck = sum(lane.is_stuck for lane in self._lanes)
        return self._window * (self._connections - stuck) // self._connections + stuck

    @property
    def waiting(self) -> int:
        """How many submitted messages no session has begun yet."""
        return len(self._waiting)

    def submit(self, message: Outgoing) -> None:
        """Queues it for the next free session."""
        self._waiting.add(message)
        self._wake_one()

    def crowd(self, domain: str) -> Crowd | None:
        """How full it is at a domain; None where nothing limits it."""
        return self._waiting.crowd(domain)

    async def run(self, permit: Permit, done: Done) -> None:
        """Keeps the sessions until cancelled."""
        done = self._waiting.counted(done)
        self._lanes = [Lane(self, permit, done) for _ in range(self._connections)]
        self._tasks = [asyncio.create_task(lane.keep()) for lane in self._lanes]
        try:
            await asyncio.gather(self._probe(done), self._tick(), *self._tasks)
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

    async def wait(self) -> None:
        """Returns once a message waits that no session that is up will take."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()

    def take(self) -> Outgoing | None:
        """The next message to send, if there is one."""
        return self._waiting.take()

    def put_back(self, message: Outgoing) -> None:
        """Puts a message of which nothing was written first in line."""
        self._waiting.put_back(message)

    def rest(self, sleeper: Sleeper) -> None:
        """Has a session woken for the next message."""
        self._resting.append(sleeper)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._resting = deque(it for it in self._resting if it.is_up)
            for lane in self._lanes:
                lane.tick(loop.time())
            if self._waiting:
                self._wake_one()

    def _wake_one(self) -> None:
        """Has a session that rests take a message, or another one made."""
        while self._resting:
            if self._resting.popleft().wake():
                return
        self._some.set()

    def _return_all(self, done: Done) -> None:
        for message in list(self._waiting.drain()):
            done(message, Result(Verdict.NOT_WRITTEN))

    async def open(self) -> Session:
        """A new session; raises `Broken` or `Refused`, and notes either outcome."""
        try:
            session = await Session.open(self._peer)
        except (Broken, Refused) as error:
            self.trouble = str(error)
            # With other sessions up it is a limit of the server's, not its absence.
            if not any(lane.is_up for lane in self._lanes):
                self.note_down(str(error))
            raise
        self.note_up()
        return session

    @property
    def per_connection(self) -> int:
        """Mails a session carries before it is made anew."""
        return self._per_connection

    @property
    def command_seconds(self) -> float:
        """How long the answer to a command may take."""
        return self._peer.command_seconds

    @property
    def final_seconds(self) -> float:
        """How long the answer to a final dot may take."""
        return self._peer.final_seconds
