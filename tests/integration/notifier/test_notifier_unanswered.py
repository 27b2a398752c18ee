"""A commit whose answer is lost: the attempts may be there, and nobody may forget them."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Sessions
from services.notifier.domain.states import State
from tests.integration.notifier.notifier_parts import House, MailServer, people


class Unanswered:
    """Sessions that lose the answer to the first commits which open attempts."""

    def __init__(self, sessions: Sessions, times: int) -> None:
        self.times = times
        self._sessions = sessions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sessions, name)

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A transaction as ever, that commits and then may not say so."""
        async with self._sessions.begin() as session:
            yield session
            opens = await session.scalar(text("SELECT count(*) FROM messages WHERE state = 2"))
        if opens and self.times > 0:
            self.times -= 1
            raise ConnectionResetError


class TestACommitThatIsNotAnswered:
    async def test_its_attempts_are_taken_up_and_each_mail_goes_once(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(20)))
        engine = house.engine(mail.wire())
        engine._sessions = Unanswered(house.sessions, 2)  # type: ignore[assignment]

        await house.until(run, {State.ACCEPTED: 20})

        assert sorted(mail.taken) == sorted(people(20))

    async def test_a_worker_that_stops_leaves_its_claim_to_lapse(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(20)))
        engine = house.engine(mail.wire(window=20), lease_seconds=2.0)
        lost = Unanswered(house.sessions, 1_000)
        engine._sessions = lost  # type: ignore[assignment]
        await house.eventually("SELECT 1 FROM messages WHERE state = 2")
        await engine.stop()  # type: ignore[attr-defined]
        lost.times = 0

        house.sweeper()
        house.engine(mail.wire())

        await house.eventually(
            "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM claims)"
            " AND NOT EXISTS (SELECT 1 FROM messages WHERE state IN (1, 2))",
            within=20,
        )
        counts = await house.counts(run)
        assert set(counts) <= {State.ACCEPTED, State.IN_DOUBT}, counts
        assert sum(counts.values()) == 20
        assert len(mail.taken) == len(set(mail.taken)) == counts[State.ACCEPTED]
