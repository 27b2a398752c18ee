"""Hands e-mails that remind colleagues to the notifier, each once, from any replica.

A letter is claimed and committed, its words are found and committed, and then it is handed over
outside any transaction. Whoever dies in between leaves it to the next claim, which hands over the
same words under the same name.
"""

from datetime import timedelta

import grpc
import structlog

from chassis import db, errors, scope
from chassis.rpc.identities import Identities
from services.interactions.clients.mail import REFUSALS, Mail
from services.interactions.clients.notifier import Notifier
from services.interactions.clients.staff import Staff
from services.interactions.config import Settings
from services.interactions.domain import reminder_letters as rules
from services.interactions.domain.follow_ups import PENDING, FollowUp
from services.interactions.domain.reminder_letters import (
    Key,
    Letter,
    Reason,
    State,
    Waiting,
    Words,
)
from services.interactions.storage import follow_ups, reminder_letters
from services.interactions.workers.rounds import Rounds

_BATCH = 20
_LONGEST_WAIT = timedelta(minutes=5)

log = structlog.get_logger(__name__)


class Postman(Rounds):
    """Hands over what waits, batch after batch."""

    def __init__(
        self,
        settings: Settings,
        sessions: db.Sessions,
        owners: Identities,
        staff: Staff,
        notifier: Notifier,
        mail: Mail,
    ) -> None:
        super().__init__("remind by e-mail", self._more)
        self._sessions = sessions
        self._owners = owners
        self._staff = staff
        self._notifier = notifier
        self._mail = mail
        self._identity_id = settings.staff_sender_identity_id
        self._url = settings.public_url
        self._lease = timedelta(seconds=settings.lease_seconds)

    async def _more(self) -> bool:
        return await self.round() == _BATCH

    async def round(self) -> int:
        """Hands over one batch; returns how many were claimed."""
        async with self._sessions.begin() as session:
            taken = await reminder_letters.claim(session, _BATCH, self._lease)
        for each in taken:
            await self._deal_with(each)
        return len(taken)

    async def _deal_with(self, waiting: Waiting) -> None:
        key = waiting.key
        try:
            sender = await self._notifier.sender(self._identity_id)
            if sender is None:
                return await self._settle(key, State.FAILED, Reason.SENDER_MISSING)
            # The last before it goes: one that has words when it is claimed may be there already.
            found = waiting.words or await self._words(key)
            if isinstance(found, Reason):
                return await self._settle(key, State.SKIPPED, found)
            letter = Letter(rules.request_id(key), found, *sender, not_after=key.start_time)
            message_id = await self._mail.tell(letter)
        except REFUSALS as refusal:
            state, reason = _refused(waiting, refusal)
            log.warning("reminder_letter_refused", reason=refusal.reason, state=state)
            return await self._settle(key, state, reason)
        except (errors.Error, grpc.RpcError) as away:
            log.info("reminder_letter_waits", error=type(away).__name__, attempts=waiting.attempts)
            wait = min(timedelta(seconds=2 ** min(waiting.attempts, 9)), _LONGEST_WAIT)
            async with self._sessions.begin() as session:
                return await reminder_letters.put_off(session, key, wait)
        async with self._sessions.begin() as session:
            await reminder_letters.settle(session, key, State.HANDED_OVER, message_id=message_id)

    async def _words(self, key: Key) -> Words | Reason:
        """What a letter says from now on, or why it is not written."""
        async with self._sessions.begin() as session:
            follow_up = await follow_ups.get(session, key.follow_up_id)
            now = await follow_ups.database_time(session)
        if follow_up is None or not _is_ahead(follow_up, key) or key.start_time <= now:
            return Reason.ENDED
        reader = await self._owners.principal(key.user_id)
        if reader is None or not follow_up.within(
            scope.of(reader, reader.level("follow_ups", "read"))
        ):
            return Reason.NOT_ALLOWED
        colleague = await self._staff.get(key.user_id)
        if colleague is None:
            return Reason.NO_ADDRESS
        link = f"{self._url}/follow-ups/{follow_up.id}"
        written = rules.written(follow_up.title, key.start_time, link, colleague)
        async with self._sessions.begin() as session:
            kept = await reminder_letters.keep_words(session, key, written)
        return kept or Reason.ENDED

    async def _settle(self, key: Key, state: State, reason: str) -> None:
        async with self._sessions.begin() as session:
            await reminder_letters.settle(session, key, state, reason)


def _is_ahead(follow_up: FollowUp, key: Key) -> bool:
    is_theirs = key.user_id in follow_up.assignee_ids
    return is_theirs and follow_up.status in PENDING and follow_up.start_time == key.start_time


def _refused(waiting: Waiting, refusal: errors.Error) -> tuple[State, str]:
    """Why one did not go: an earlier try may have been taken, its answer lost."""
    if any(it.field == "not_after" for it in refusal.violations):
        is_doubtful = waiting.attempts > 1 and waiting.words is not None
        return (State.IN_DOUBT if is_doubtful else State.SKIPPED), Reason.TOO_LATE
    return State.FAILED, refusal.reason
