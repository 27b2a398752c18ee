"""What changed since a message passed its gates: runs paused, addresses suppressed."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context, db
from chassis.db import Sessions, patience
from services.notifier.domain.states import Channel, RunState
from services.notifier.domain.work import Kind, Prepared, Suppressed
from services.notifier.storage import runs, suppressions
from services.notifier.workers.leases import now

MAX_AGE_SECONDS = 0.25
_MOST_NEWS = 5_000
# Longer than a lease: nothing held is older.
_NEWS_KEPT_SECONDS = 600.0


class Asked(NamedTuple):
    """When the state was asked for, and what is said of the runs and of the version."""

    at: float
    states: db.Answer[tuple[int, dict[UUID, tuple[int, str]]]]


class Freshness:
    """Read at least every 250 ms while something is written, and before every burst."""

    def __init__(self, sessions: Sessions, held: Callable[[], set[UUID]]) -> None:
        """`held` names the runs whose messages are held."""
        self._sessions = sessions
        self._held = held
        self._read_at = float("-inf")
        self._runs: dict[UUID, tuple[int, str]] = {}
        self._known = -1  # the version that `_news` reaches up to
        self._since = -1  # the version that `_news` begins after
        self._news: dict[tuple[Channel, str], list[Suppressed]] = {}
        self._news_began = 0.0
        self._asked: Kind | None = None  # the kind that was allowed last, and in which epoch
        self._asked_epoch = 0
        self._turn = asyncio.Lock()

    async def refresh(self, session: AsyncSession, *also: UUID) -> None:
        """Reads the state of now in the caller's transaction, of `also` too."""
        together = db.Together(session)
        asked = self.ask(together, *also)
        await together.send()
        await self.hear(session, asked)

    def ask(self, together: db.Together, *also: UUID) -> Asked:
        """Begins a `refresh` of which `hear` is the end, so that more is asked with it."""
        return Asked(now(), together.add(runs.ask_states(sorted(self._held().union(also)))))

    async def hear(self, session: AsyncSession, said: Asked) -> None:
        """Takes over what was answered; reads the news if there are any."""
        asked, (version, found) = said.at, said.states()
        if self._known < 0 or asked - self._news_began > _NEWS_KEPT_SECONDS:
            self._forget(version, asked)
        elif version > self._known:
            news = await suppressions.since(session, self._known, _MOST_NEWS)
            if len(news) == _MOST_NEWS:
                # Too many to keep: what is held passes its gates again.
                self._forget(version, asked)
            for it in news:
                self._news.setdefault((it.channel, it.address_key), []).append(it)
            self._known = max([version, *(it.version for it in news)])
        self._runs, self._read_at, self._asked = found, asked, None

    @property
    def version(self) -> int:
        """The newest version of the suppressions that is known; negative before any is."""
        return self._known

    def reaches(self, version: int) -> bool:
        """Whether all news since a version is kept."""
        return self._since <= version

    @property
    def is_fresh(self) -> bool:
        """Whether what is known is new enough to go by."""
        return self.is_fresh_at(now())

    def is_fresh_at(self, at: float) -> bool:
        """Whether it is at a time of `leases.now`."""
        return at - self._read_at <= MAX_AGE_SECONDS

    async def ensure(self) -> bool:
        """Makes sure that what is known is fresh; False when it cannot be had."""
        if self.is_fresh:
            return True
        async with self._turn:
            if self.is_fresh:
                return True
            try:
                async with asyncio.timeout(5), self._sessions.begin() as session:
                    await self.refresh(session)
            except patience.FAILURES as error:
                context.end_if_cancelled()
                patience.tell("freshness", error)
                return False
        return True

    def allows(self, message: Prepared, at: float) -> bool:
        """Whether it is still time `at` and nothing read since its gates forbids the message."""
        if at >= message.closes_at:
            return False
        kind = message.claimed.kind
        # Most that are asked for one after the other are of the same run.
        if kind is not self._asked or message.epoch != self._asked_epoch:
            run_id = kind.run_id
            if run_id is not None and self._runs.get(run_id) != (message.epoch, RunState.ACTIVE):
                return False
            self._asked, self._asked_epoch = kind, message.epoch
        if message.suppression_version < self._since:
            return False
        if not self._news:
            return True
        news = self._news.get((kind.channel, message.claimed.address_key), ())
        return not any(
            it.version > message.suppression_version and it.covers(message.claimed) for it in news
        )

    def _forget(self, version: int, at: float) -> None:
        self._news.clear()
        self._known = self._since = version
        self._news_began = at
