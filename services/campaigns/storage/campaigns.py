"""Campaigns, each with the state of its newest run."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from chassis.errors import NotFound
from chassis.scope import Scope
from services.campaigns.domain.campaigns import Audience, Campaign, Unreached
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.states import RecipientState, RunState
from services.campaigns.storage import owned
from services.campaigns.storage.tables import campaigns, runs

_SELECT = select(campaigns, runs.c.state.label("latest_run_state")).outerjoin(
    runs, runs.c.id == campaigns.c.latest_run_id
)


async def get(session: AsyncSession, campaign_id: UUID, *, lock: bool = False) -> Campaign:
    """Return a campaign, locked for a change if asked; raises `NotFound`."""
    query = _SELECT.where(campaigns.c.id == campaign_id)
    if lock:
        query = query.with_for_update(of=campaigns)
    row = (await session.execute(query)).mappings().first()
    if row is None:
        raise missing(campaign_id)
    return _campaign(row)


async def of_run(session: AsyncSession, run_id: UUID) -> Campaign | None:
    """Return the campaign that a run is of."""
    own = select(runs.c.campaign_id).where(runs.c.id == run_id).scalar_subquery()
    row = (await session.execute(_SELECT.where(campaigns.c.id == own))).mappings().first()
    return _campaign(row) if row is not None else None


def missing(its_id: UUID, resource: str = "campaign") -> NotFound:
    """Return the error that says that there is none, or not for this caller."""
    return NotFound("RESOURCE_MISSING", f"no such {resource}", resource=resource, id=its_id)


async def several(session: AsyncSession, ids: Sequence[UUID], scope: Scope) -> Sequence[Campaign]:
    """Return the campaigns of `ids` that are there and within reach, in that order."""
    query = _SELECT.where(campaigns.c.id.in_(ids), owned.campaigns(scope))
    found = {row["id"]: _campaign(row) for row in (await session.execute(query)).mappings()}
    return [found[it] for it in ids if it in found]


async def read_page(
    session: AsyncSession,
    page: Page,
    scope: Scope,
    channel: Channel | None,
    states: Sequence[RunState | None],
) -> Sequence[Campaign]:
    """Return one more campaign within reach than the page holds, if there are, newest first.

    `states` are those of the newest run, None standing for drafts; empty means any.
    """
    query = _SELECT.where(owned.campaigns(scope))
    query = query.order_by(campaigns.c.id.desc()).limit(page.size + 1)
    if channel is not None:
        query = query.where(campaigns.c.channel == channel)
    if states:
        wanted = [runs.c.state.in_([state for state in states if state is not None])]
        if None in states:
            wanted.append(campaigns.c.latest_run_id.is_(None))
        query = query.where(or_(*wanted))
    if page.after is not None:
        query = query.where(campaigns.c.id < page.after[0])
    return [_campaign(row) for row in (await session.execute(query)).mappings()]


async def add(session: AsyncSession, campaign: Campaign) -> None:
    """Store a new campaign."""
    await session.execute(insert(campaigns).values(_row(campaign)))


async def change(session: AsyncSession, campaign: Campaign) -> None:
    """Store a changed campaign, which `get` locked."""
    await session.execute(
        update(campaigns).where(campaigns.c.id == campaign.id).values(_row(campaign))
    )


async def remove(session: AsyncSession, campaign_id: UUID) -> None:
    """Delete a campaign, which `get` locked and which has no run."""
    await session.execute(delete(campaigns).where(campaigns.c.id == campaign_id))


def audience(stored: dict[str, Any]) -> Audience:
    """Return an audience as it was stored."""
    return Audience(
        kind=stored["kind"],
        segment_ids=tuple(stored["segment_ids"]),
        contact_ids=tuple(stored["contact_ids"]),
        excluded_segment_ids=tuple(stored["excluded_segment_ids"]),
        unreached=_unreached(stored.get("unreached")),
    )


def _unreached(stored: dict[str, Any] | None) -> Unreached | None:
    if stored is None:
        return None
    states = tuple(RecipientState(it) for it in stored["states"])
    return Unreached(stored["run_id"], states, stored["accept_duplicate"])


def _campaign(row: RowMapping) -> Campaign:
    state = row["latest_run_state"]
    return Campaign(
        id=row["id"],
        revision=row["revision"],
        name=row["name"],
        channel=Channel(row["channel"]),
        purpose=Purpose(row["purpose"]),
        advertiser_id=row["advertiser_id"],
        sender_identity_id=row["sender_identity_id"],
        template_id=row["template_id"],
        audience=audience(row["audience"]),
        not_after=row["not_after"],
        max_per_second=row["max_per_second"],
        latest_run_id=row["latest_run_id"],
        latest_run_state=RunState(state) if state else None,
        creator_id=row["creator_id"],
        team_id=row["team_id"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def _row(campaign: Campaign) -> dict[str, Any]:
    row = {name: getattr(campaign, name) for name in campaigns.c.keys()}  # noqa: SIM118
    return {**row, "audience": asdict(campaign.audience)}
