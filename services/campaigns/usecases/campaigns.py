"""Campaigns are drafted, changed and deleted while nothing is being sent."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit, outbox
from chassis.db.outbox import Class
from chassis.errors import Aborted, FailedPrecondition, FieldViolation, InvalidArgument, NotFound
from chassis.scope import Scope
from services.campaigns.domain import campaigns as domain
from services.campaigns.domain.campaigns import Audience, Campaign, Draft
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.states import GOING
from services.campaigns.messages import campaigns as messages
from services.campaigns.storage import campaigns as stored
from services.campaigns.storage import templates


async def check_template(session: AsyncSession, draft: Draft) -> list[FieldViolation]:
    """Return what is wrong with the draft's template, as far as the draft is right in itself."""
    template_id = domain.as_uuid(draft.template_id)
    if template_id is None:
        return []
    try:
        template = await templates.get(session, template_id)
    except NotFound:
        return [FieldViolation("campaign.template_id", "no such template")]
    if draft.channel is not None and template.draft.channel is not draft.channel:
        return [FieldViolation("campaign.template_id", f"is not a template for {draft.channel}")]
    return []


def refuse(violations: list[FieldViolation]) -> None:
    """Raise `InvalidArgument` naming every bad field, if there is one."""
    if violations:
        raise InvalidArgument(
            "FIELDS_INVALID", "the campaign has wrong fields", violations=violations
        )


async def create(session: AsyncSession, draft: Draft, caller: Scope, now: datetime) -> Campaign:
    """Store a draft that was checked, as the caller's and their team's."""
    campaign = _made(draft, uuid_utils.compat.uuid7(), caller.subject, caller.team_id, now)
    await stored.add(session, campaign)
    await _announce(session, "create", None, campaign)
    return campaign


async def duplicate(
    session: AsyncSession, campaign_id: UUID, name: str, caller: Scope, now: datetime
) -> Campaign:
    """Store a copy of a campaign as a draft; what it names is checked when it is started."""
    original = await stored.get(session, campaign_id)
    draft = domain.copied(original.draft(), name, now)
    wrong = [it for it in domain.violations(draft, now) if it.field == "campaign.name"]
    refuse([FieldViolation("name", it.description) for it in wrong])
    return await create(session, draft, caller, now)


async def change(session: AsyncSession, read: Campaign, draft: Draft, now: datetime) -> Campaign:
    """Store a draft checked against the campaign as it was `read`.

    Raises `Aborted` when somebody else changed it since, `FailedPrecondition` while it runs.
    """
    before = await stored.get(session, read.id, lock=True)
    check_etag(before, str(read.revision))
    check_idle(before, "changed")
    made = _made(draft, before.id, before.creator_id, before.team_id, now)
    after = replace(
        made,
        revision=before.revision + 1,
        latest_run_id=before.latest_run_id,
        latest_run_state=before.latest_run_state,
        create_time=before.create_time,
    )
    await stored.change(session, after)
    await _announce(session, "update", before, after)
    return after


async def delete(session: AsyncSession, campaign_id: UUID, etag: str) -> None:
    """Delete a campaign that was never started; raises `FailedPrecondition` for any other."""
    before = await stored.get(session, campaign_id, lock=True)
    check_etag(before, etag)
    if before.latest_run_id is not None:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            "a campaign that was started cannot be deleted",
            resource="campaign",
            state=before.latest_run_state,
            to="DELETED",
        )
    await stored.remove(session, campaign_id)
    await _announce(session, "delete", before, None)


def check_etag(campaign: Campaign, etag: str) -> None:
    """Raise `Aborted` if an etag was given and is not the campaign's."""
    if etag and etag != str(campaign.revision):
        raise Aborted(
            "ETAG_STALE",
            "the campaign has changed since it was read",
            resource="campaign",
            id=campaign.id,
            etag=etag,
        )


def check_idle(campaign: Campaign, to: str) -> None:
    """Raise `FailedPrecondition` while a run of the campaign is going."""
    if campaign.latest_run_state in GOING:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            f"a campaign with a run going cannot be {to}",
            resource="campaign",
            state=campaign.latest_run_state,
            to=to.upper(),
        )


def _made(
    draft: Draft, campaign_id: UUID, creator: str, team_id: UUID | None, now: datetime
) -> Campaign:
    return Campaign(
        id=campaign_id,
        revision=1,
        name=draft.name,
        channel=Channel(draft.channel or ""),
        purpose=Purpose(draft.purpose or ""),
        advertiser_id=UUID(draft.advertiser_id),
        sender_identity_id=UUID(draft.sender_identity_id),
        template_id=UUID(draft.template_id),
        audience=draft.audience or Audience(),
        not_after=draft.not_after,
        max_per_second=draft.max_per_second,
        latest_run_id=None,
        latest_run_state=None,
        creator_id=creator,
        team_id=team_id,
        create_time=now,
        update_time=now,
    )


async def _announce(
    session: AsyncSession, action: str, before: Campaign | None, after: Campaign | None
) -> None:
    now_is = after or before
    if now_is is None:
        raise ValueError("nothing was changed")
    revision = now_is.revision + (after is None)
    event = messages.changed(replace(now_is, revision=revision), deleted=after is None)
    await outbox.add(session, event, to=Class.FACTS, key=str(now_is.id), revision=revision)
    await audit.record(
        session,
        action=action,
        subject_type="campaign",
        subject_id=str(now_is.id),
        before=_shown(before),
        after=_shown(after),
    )


def _shown(campaign: Campaign | None) -> dict[str, object] | None:
    if campaign is None:
        return None
    shown = {name: getattr(campaign, name) for name in domain.FIELDS if name != "audience"}
    # Contacts picked by hand are people: their number says enough.
    audience = campaign.audience
    return {
        **shown,
        "revision": campaign.revision,
        "audience_kind": audience.kind,
        "segment_ids": audience.segment_ids,
        "excluded_segment_ids": audience.excluded_segment_ids,
        "contacts": len(audience.contact_ids),
        "unreached_of": audience.unreached.run_id if audience.unreached else "",
        "unreached_states": audience.unreached.states if audience.unreached else (),
    }
