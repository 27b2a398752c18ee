"""Contacts of accepted proposals are moved to the life stage that these ask for, by leads.

A move is claimed in a short transaction, asked for, and settled in another. Whoever dies in
between leaves it to the next claim, whose request leads knows again.
"""

from datetime import timedelta

import grpc
import structlog

from chassis import db, errors
from services.interactions.clients.people import People
from services.interactions.domain.proposals.moves import Move, refusal
from services.interactions.storage import proposal_moves as storage
from services.interactions.usecases import proposal_moves
from services.interactions.workers.rounds import Rounds

_BATCH = 20
_LEASE = timedelta(seconds=60)
_LONGEST_WAIT = timedelta(minutes=5)

log = structlog.get_logger()


def moves(sessions: db.Sessions, people: People) -> Rounds:
    """Returns the task that has contacts moved; several replicas share the work."""

    async def more() -> bool:
        return await round_of(sessions, people)

    return Rounds("move contacts of proposals", more)


async def round_of(sessions: db.Sessions, people: People) -> bool:
    """Does one batch; returns True if there may be more at once."""
    async with sessions.begin() as session:
        due = await storage.claim(session, _BATCH, _LEASE)
    for move in due:
        await carry_out(sessions, people, move)
    return len(due) == _BATCH


async def carry_out(sessions: db.Sessions, people: People, move: Move) -> None:
    """Asks for one claimed move, and settles it unless leads may do it yet."""
    try:
        await people.move(move)
    except (errors.Error, grpc.RpcError) as failure:
        why = refusal(failure) if isinstance(failure, errors.Error) else None
        log.info("contact_not_moved", error=type(failure).__name__, attempts=move.attempts, why=why)
        wait = min(timedelta(seconds=2 ** min(move.attempts, 9)), _LONGEST_WAIT)
        async with sessions.begin() as session:
            if why is None:
                await storage.put_off(session, move.proposal_id, wait)
            else:
                await proposal_moves.refused(session, move.proposal_id, why)
        return
    async with sessions.begin() as session:
        await proposal_moves.moved(session, move.proposal_id)
