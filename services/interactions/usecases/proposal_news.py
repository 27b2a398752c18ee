"""Tells of a change to a proposal: its history, the event and the audit entry, with the change."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.db import audit, outbox
from services.interactions.domain.proposals.events import ANSWERS, CUSTOMER, LOSSES, Happened
from services.interactions.domain.proposals.proposals import RESOURCE, Proposal
from services.interactions.messages import proposals as messages
from services.interactions.storage import proposals
from services.interactions.usecases import notifying

_SHOWN = (
    "title",
    "contact_id",
    "address",
    "recipient_name",
    "template_id",
    "template_version",
    "currency",
    "valid_until",
    "remind_days_before",
    "locale",
    "owner_id",
    "team_id",
    "accepted_life_stage_id",
)


async def happened(
    session: AsyncSession, now: Proposal, kind: Happened, words: str = "", *, actor: str = ""
) -> None:
    """Notes what happened in the proposal's history, and tells others."""
    who = actor or _caller()
    event_id = await proposals.note(session, now, kind, who, words)
    if who == CUSTOMER and kind in ANSWERS:
        await notifying.answered(session, now, event_id)
    elif kind in LOSSES:
        await notifying.undelivered(session, now, event_id)
    event = messages.news(now, kind)
    if event is not None:
        await outbox.add(
            session, event, to=outbox.Class.FACTS, key=str(now.id), revision=now.revision
        )
    after: dict[str, object] = {"state": now.state, "number": now.number, "issue": now.issue}
    if words and who == CUSTOMER:
        after["said"] = words
    await audit.record(
        session,
        action=f"{RESOURCE}.{kind}",
        subject_type=RESOURCE,
        subject_id=str(now.id),
        after=after,
    )


async def written(session: AsyncSession, before: Proposal | None, now: Proposal) -> None:
    """Notes who wrote or changed a draft, and what of it."""
    after = _values(now)
    then = _values(before) if before else {}
    changed = {name for name in after if then.get(name) != after[name]}
    await audit.record(
        session,
        action=f"{RESOURCE}.{'update' if before else 'create'}",
        subject_type=RESOURCE,
        subject_id=str(now.id),
        before={name: then[name] for name in changed} if before else None,
        after={name: after[name] for name in changed},
    )


async def deleted(session: AsyncSession, gone: Proposal) -> None:
    """Notes who deleted a draft."""
    await audit.record(
        session,
        action=f"{RESOURCE}.delete",
        subject_type=RESOURCE,
        subject_id=str(gone.id),
        before=_values(gone),
    )


async def template_written(
    session: AsyncSession, template_id: object, after: Mapping[str, object]
) -> None:
    """Notes who wrote a version of a template."""
    await audit.record(
        session,
        action="proposal_template.write",
        subject_type="proposal_template",
        subject_id=str(template_id),
        after=after,
    )


def _values(kept: Proposal) -> dict[str, object]:
    shown = {name: getattr(kept, name) for name in _SHOWN}
    files = [it.name for it in kept.attachments]
    return {**shown, "lines": len(kept.lines), "total": kept.totals.total, "attachments": files}


def _caller() -> str:
    principal = context.current().principal
    return principal.subject if principal else "interactions"
