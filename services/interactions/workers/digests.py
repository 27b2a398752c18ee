"""Tells colleagues by e-mail once a day what they have not read, each once, from any replica.

A turn is claimed and committed, its words are found and committed, then handed over outside any
transaction under the turn's own name, and ended in another. Whoever dies in between leaves it to
the next claim, which hands over the same words under the same name.
"""

from datetime import datetime, timedelta

import grpc
import structlog

from chassis import db, errors
from chassis.rpc.identities import Identities
from services.interactions.clients.mail import REFUSALS, Mail
from services.interactions.clients.notifier import Notifier
from services.interactions.clients.staff import Staff
from services.interactions.config import Settings
from services.interactions.domain import digests as rules
from services.interactions.domain import notifications as told
from services.interactions.domain.digests import Draft, Turn
from services.interactions.domain.follow_ups import DEFAULT_TIME_ZONE
from services.interactions.domain.reminder_letters import Colleague, Letter
from services.interactions.storage import digests, follow_ups, notifications
from services.interactions.workers.rounds import Rounds

_BATCH = 20
_DAY = timedelta(days=1)
_LONGEST_WAIT = timedelta(minutes=15)

log = structlog.get_logger(__name__)


class Digester(Rounds):
    """Deals with the turns that have come, batch after batch; with nothing without a sender."""

    def __init__(
        self,
        settings: Settings,
        sessions: db.Sessions,
        owners: Identities,
        staff: Staff,
        notifier: Notifier,
        mail: Mail,
    ) -> None:
        super().__init__("tell what is unread by e-mail", self._more, settings.digest_seconds)
        self._sessions = sessions
        self._owners = owners
        self._staff = staff
        self._notifier = notifier
        self._mail = mail
        self._identity_id = settings.staff_sender_identity_id
        self._hour = settings.digest_hour
        self._url = settings.public_url
        self._lease = timedelta(seconds=settings.lease_seconds)

    async def _more(self) -> bool:
        return self._identity_id is not None and await self.round() == _BATCH

    async def round(self) -> int:
        """Deals with one batch; returns how many turns were claimed."""
        async with self._sessions.begin() as session:
            await digests.enlist(session)
        async with self._sessions.begin() as session:
            taken = await digests.claim(session, _BATCH, self._lease)
            now = await follow_ups.database_time(session)
        for each in taken:
            await self._deal_with(each, now)
        return len(taken)

    async def _deal_with(self, turn: Turn, now: datetime) -> None:
        try:
            colleague = await self._staff.get(turn.user_id)
            if colleague is not None and turn.is_placed and turn.is_wanted:
                await self._tell(turn, colleague, now)
        except (errors.Error, grpc.RpcError) as away:
            log.info("digest_waits", error=type(away).__name__, attempts=turn.attempts)
            wait = min(timedelta(seconds=2 ** min(turn.attempts, 10)), _LONGEST_WAIT)
            async with self._sessions.begin() as session:
                return await digests.put_off(session, turn, wait)
        zone = colleague.zone if colleague else DEFAULT_TIME_ZONE
        async with self._sessions.begin() as session:
            await digests.end(session, turn, rules.next_time(now, self._hour, zone))

    async def _tell(self, turn: Turn, colleague: Colleague, now: datetime) -> None:
        """Hands a digest over; what is refused is not tried again, and the list still has it."""
        sender = await self._notifier.sender(self._identity_id)
        if sender is None:
            log.warning("digest_refused", reason="SENDER_MISSING")
            return
        draft = turn.draft or await self._draft(turn, colleague, now)
        if draft is None:
            return
        letter = Letter(turn.request_id, draft.words, *sender, not_after=draft.not_after)
        try:
            await self._mail.tell(letter)
        except REFUSALS as refusal:
            log.warning("digest_refused", reason=refusal.reason)

    async def _draft(self, turn: Turn, colleague: Colleague, now: datetime) -> Draft | None:
        """What a turn's digest says from now on; None where nothing is new and unread."""
        principal = await self._owners.principal(turn.user_id)
        reader = told.reader(principal) if principal else None
        if reader is None:
            return None
        async with self._sessions.begin() as session:
            unread = await notifications.page(
                session, reader, rules.MOST + 1, unread_only=True, since=turn.last_id
            )
            if not unread:
                return None
            words = rules.written(unread, f"{self._url}/notifications", colleague)
            return await digests.keep(session, turn, Draft(words, now + _DAY), unread[0].id)
