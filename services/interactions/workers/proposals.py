"""What proposals need done on time: letters handed to the notifier, reminders, expiry.

A letter is claimed in a short transaction, handed over, and settled in another. Whoever dies in
between leaves it to the next claim, whose request the notifier knows again.
"""

from datetime import timedelta

import grpc
import structlog

from chassis import db, errors
from services.interactions.clients.mail import REFUSALS, Mail
from services.interactions.domain.proposals.events import Outgoing
from services.interactions.domain.proposals.links import Links
from services.interactions.storage import proposal_letters
from services.interactions.usecases import proposal_errands
from services.interactions.workers.rounds import Rounds

_BATCH = 20
_LEASE = timedelta(seconds=60)
_LONGEST_WAIT = timedelta(minutes=5)

log = structlog.get_logger()


def tend(sessions: db.Sessions, mail: Mail, links: Links) -> Rounds:
    """Returns the task that does what is due; several replicas share the work."""

    async def more() -> bool:
        return await round_of(sessions, mail, links)

    return Rounds("tend proposals", more)


async def round_of(sessions: db.Sessions, mail: Mail, links: Links) -> bool:
    """Does one batch of everything; returns True if there may be more at once."""
    async with sessions.begin() as session:
        expired = await proposal_errands.expire(session, _BATCH)
    async with sessions.begin() as session:
        reminded = await proposal_errands.remind(session, _BATCH, links)
    async with sessions.begin() as session:
        due = await proposal_letters.claim(session, _BATCH, _LEASE)
    for letter in due:
        await hand_over(sessions, mail, letter)
    if expired or reminded or due:
        log.info("proposals_tended", expired=expired, reminded=reminded, letters=len(due))
    return _BATCH in (expired, reminded, len(due))


async def hand_over(sessions: db.Sessions, mail: Mail, letter: Outgoing) -> None:
    """Hands one claimed letter over, and settles it unless nobody answered."""
    try:
        message_id = await mail.send(letter)
    except REFUSALS as refusal:
        failure = _failure(letter, refusal)
        log.warning("proposal_letter_refused", reason=refusal.reason, failure=failure)
        async with sessions.begin() as session:
            await proposal_errands.refused(session, letter, failure, str(refusal))
        return
    except (errors.Error, grpc.RpcError) as away:
        log.info("proposal_letter_waits", error=type(away).__name__, attempts=letter.attempts)
        wait = min(timedelta(seconds=2 ** min(letter.attempts, 9)), _LONGEST_WAIT)
        async with sessions.begin() as session:
            await proposal_letters.put_off(session, letter.id, wait)
        return
    async with sessions.begin() as session:
        await proposal_errands.handed_over(session, letter, message_id)


def _failure(letter: Outgoing, refusal: errors.Error) -> str:
    """Returns why it did not go: an earlier try may have been taken, its answer lost."""
    late = any(it.field == "not_after" for it in refusal.violations)
    if late and letter.attempts > 1:
        return proposal_errands.IN_DOUBT
    return proposal_errands.LATE if late else proposal_errands.REFUSED
