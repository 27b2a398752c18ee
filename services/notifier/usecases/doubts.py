"""People and policy settle doubts; each deed is kept with who did it and why."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.db import audit
from chassis.errors import (
    Aborted,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    NotFound,
)
from services.notifier.config import Settings
from services.notifier.domain.doubts import TO, Act, Policy
from services.notifier.domain.states import Purpose, State
from services.notifier.storage import doubts, rows
from services.notifier.storage.doubts import Deed, Filter
from services.notifier.usecases import reports

POLICY = "policy"
MOST = 1_000
"""Messages moved by one act, so that a transaction stays short."""


def policy(settings: Settings) -> Policy:
    """What the settings say is done about doubts by itself."""
    resends = settings.in_doubt_transactional == "resend"
    return Policy(
        abandon_after=timedelta(seconds=settings.in_doubt_abandon_seconds),
        resend_after=timedelta(seconds=settings.in_doubt_resend_seconds),
        doubts_most=settings.in_doubt_resends + 1 if resends else 0,
    )


async def settle(
    session: AsyncSession, message_id: UUID, act: Act, *, reason: str, etag: str, region: str
) -> Deed:
    """Says what became of a message in doubt; raises if it is in doubt no longer."""
    message, _ = await _locked(session, message_id, act, etag)
    return await _do(session, message, act, reason, region)


async def resend(
    session: AsyncSession, message_id: UUID, *, reason: str, etag: str, force: bool, region: str
) -> Deed:
    """Queues a message in doubt for a new attempt; raises where that may not be."""
    message, resendable = await _locked(session, message_id, Act.SENT_AGAIN, etag)
    if message.purpose is not Purpose.TRANSACTIONAL and not force:
        raise InvalidArgument(
            "FIELDS_INVALID",
            "only TRANSACTIONAL messages are sent again without force",
            violations=[
                FieldViolation("force", f"is required: {message.purpose.name} goes at most once")
            ],
        )
    if not resendable:
        raise _forbidden("its time or its run is over", "OVER", Act.SENT_AGAIN)
    return await _do(session, message, Act.SENT_AGAIN, reason, region)


async def act_on_all(
    session: AsyncSession,
    by: Filter,
    act: Act,
    *,
    reason: str,
    force: bool,
    asked: bytes,
    region: str,
) -> int:
    """Does the same to up to `MOST` doubts of a filter; returns to how many.

    Unless forced only TRANSACTIONAL is sent again; `asked` is the filter as it came.
    """
    only = Purpose.TRANSACTIONAL if act is Act.SENT_AGAIN and not force else None
    moved = await doubts.move_all(session, by, TO[act], MOST, purpose=only)
    if moved:
        deed = _deed(_actor(), act, reason, len(moved), asked=asked)
        await _keep(session, deed, moved, region)
    return len(moved)


async def by_policy(
    session: AsyncSession, act: Act, policy: Policy, limit: int, region: str
) -> list[rows.Changed]:
    """Does what policy does about old doubts; returns the messages moved."""
    step = doubts.resend_due if act is Act.SENT_AGAIN else doubts.abandon_due
    moved = await step(session, policy, limit)
    if moved:
        await _keep(session, _deed(POLICY, act, "", len(moved)), moved, region)
    return moved


async def _locked(
    session: AsyncSession, message_id: UUID, act: Act, etag: str
) -> tuple[rows.Message, bool]:
    found = await doubts.lock(session, message_id)
    if found is None:
        raise NotFound("RESOURCE_MISSING", "no such message", resource="message", id=message_id)
    message, resendable = found
    if etag and etag != str(message.revision):
        raise Aborted(
            "ETAG_STALE",
            "the message has changed since it was read",
            resource="message",
            id=message_id,
            etag=etag,
        )
    if message.state is not State.IN_DOUBT:
        raise _forbidden("the message is not in doubt", message.state.name, act)
    return message, resendable


def _forbidden(why: str, state: str, act: Act) -> FailedPrecondition:
    return FailedPrecondition(
        "STATE_FORBIDS", why, resource="message", state=state, to=TO[act].state.name
    )


async def _do(
    session: AsyncSession, message: rows.Message, act: Act, reason: str, region: str
) -> Deed:
    moved = await doubts.move(session, message, TO[act])
    deed = _deed(_actor(), act, reason, 1, message_id=message.key.message_id)
    await _keep(session, deed, moved, region)
    return deed


async def _keep(session: AsyncSession, deed: Deed, moved: list[rows.Changed], region: str) -> None:
    """Keeps the deed, leaves its audit entry and tells the others what moved."""
    await doubts.note(session, deed, moved)
    one = deed.message_id
    await audit.record(
        session,
        action=f"doubt.{deed.act.name.lower()}",
        subject_type="message" if one else "doubts",
        subject_id=str(one or deed.id),
        after={"reason": deed.reason, "count": deed.count, "deed_id": str(deed.id)},
    )
    await reports.announce(session, moved, region)


def _deed(
    actor: str,
    act: Act,
    reason: str,
    count: int,
    *,
    message_id: UUID | None = None,
    asked: bytes = b"",
) -> Deed:
    now, id = datetime.now(UTC), uuid_utils.compat.uuid7()
    return Deed(id, actor, act, reason, count, message_id, asked, now)


def _actor() -> str:
    return context.require_principal().subject
