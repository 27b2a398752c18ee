"""Hands messages with links or codes to the notifier, each once, from any replica.

A letter is claimed and committed, its words are found and committed, and then it is handed over
outside any transaction. Whoever dies in between leaves it to the next claim, which hands over the
same words under the same name.
"""

import asyncio
from datetime import timedelta

import grpc
import structlog

from chassis import db, errors
from chassis.db.patience import patiently
from services.accounts import metrics
from services.accounts.clients.peers import REFUSALS, Mail
from services.accounts.domain.letters import Letter, Reason, State, Waiting
from services.accounts.usecases.letters import Scribe

_BATCH = 20
_LONGEST_WAIT = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class Postman:
    """A background task that hands over what waits; several replicas share the work."""

    def __init__(
        self,
        sessions: db.Sessions,
        scribe: Scribe,
        mail: Mail,
        *,
        lease_seconds: float,
        every_seconds: float,
    ) -> None:
        self.__qualname__ = f"send {scribe.kin} letters"
        self._sessions = sessions
        self.scribe = scribe
        self._mail = mail
        self._lease = timedelta(seconds=lease_seconds)
        self._every_seconds = every_seconds

    async def __call__(self) -> None:
        """Runs for ever; a database that is away makes it wait."""
        while True:
            await patiently(self._all, name=self.__qualname__)
            await asyncio.sleep(self._every_seconds)

    async def _all(self) -> None:
        while await self.round() == _BATCH:
            pass

    async def round(self) -> int:
        """Hands over one batch; returns how many were claimed."""
        async with self._sessions.begin() as session:
            taken = await self.scribe.queue.claim(session, _BATCH, self._lease)
        for each in taken:
            await self._deal_with(each)
        return len(taken)

    async def _deal_with(self, waiting: Waiting) -> None:
        letter: Letter | None = None
        try:
            # First of all, so that an address that nobody has is forgotten whatever is away.
            async with self._sessions.begin() as session:
                letter = await self.scribe.write(session, waiting)
            if letter is None:
                return None
            advertiser_id = await self._mail.advertiser(letter.words.channel)
            if advertiser_id is None:
                channel = letter.words.channel.name
                log.error("letter_without_sender", letters=self.scribe.kin, channel=channel)
                return await self._refused(waiting, letter, Reason.SENDER_MISSING)
            message_id = await self._mail.send(letter, advertiser_id)
        except REFUSALS as refusal:
            log.warning("letter_refused", reason=refusal.reason)
            return await self._refused(waiting, letter, refusal.reason)
        except (errors.Error, grpc.RpcError) as away:
            log.info("letter_waits", error=type(away).__name__, attempts=waiting.attempts)
            wait = min(timedelta(seconds=2 ** min(waiting.attempts, 9)), _LONGEST_WAIT)
            async with self._sessions.begin() as session:
                return await self.scribe.queue.put_off(session, waiting.id, wait)
        async with self._sessions.begin() as session:
            await self.scribe.handed_over(session, waiting, letter, message_id)
        metrics.letters.labels(self.scribe.kin, State.HANDED_OVER).inc()

    async def _refused(self, waiting: Waiting, letter: Letter | None, reason: str) -> None:
        async with self._sessions.begin() as session:
            await self.scribe.refused(session, waiting, letter, reason)
        metrics.letters.labels(self.scribe.kin, State.FAILED).inc()
