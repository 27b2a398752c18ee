"""Contacts: created, changed, deleted, found."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.context import Level
from chassis.db import outbox
from chassis.db.outbox import Class
from chassis.db.paging import Page
from chassis.errors import FieldViolation
from chassis.scope import Scope
from services.leads.domain import contact as model
from services.leads.domain import fields, unreadable, validation
from services.leads.domain.contact import (
    Channel,
    Contact,
    Conversion,
    Draft,
    Kind,
    Profile,
    Status,
)
from services.leads.domain.listing import Filter, Order
from services.leads.domain.status import LifeStage, first_stage, passed
from services.leads.messages import events
from services.leads.storage import contact_lists, contacts, sources
from services.leads.usecases import access, trail


async def create(
    session: AsyncSession,
    draft: Draft,
    *,
    home_region: str,
    now: datetime,
    login_by: Channel | None = None,
) -> Contact:
    """Store a new contact and announce it; refuses it whole, naming each bad field.

    `login_by` has accounts let the contact sign in, invited by this channel. Raises
    `AlreadyExists` when its reference code or an external id is another contact's.
    """
    reach = access.scope("write")
    profile = await _checked(session, draft, None, home_region)
    invited_at = _invited_at(profile, login_by) if login_by else ""
    profile = _placed(profile, reach)
    if not profile.reference_code:
        (code,) = await contacts.new_codes(session, 1)
        profile = replace(profile, reference_code=code)
    kind = Kind(draft.kind) if draft.kind else Kind.LEAD
    contact = new(profile, kind, await sources.stages(session), now=now)
    await contacts.insert(session, [contact])
    await announce(session, contact, events.created(contact))
    await trail.contact(session, "create", None, contact)
    if login_by:
        wanted = events.login_wanted(contact, login_by, invited_at)
        await announce(session, contact, wanted)
        await trail.login_wanted(session, contact, login_by)
    return contact


def new(profile: Profile, kind: Kind, stages: Sequence[LifeStage], *, now: datetime) -> Contact:
    """Return a contact that does not exist yet, in the first stage of its status.

    A customer counts as converted now.
    """
    is_customer = kind is Kind.CUSTOMER
    status = Status.CONVERTED if is_customer else Status.NEW
    stage_id = first_stage(status, stages)
    return Contact(
        id=uuid_utils.compat.uuid7(),
        revision=1,
        kind=kind,
        status=status,
        life_stage_id=stage_id,
        profile=profile,
        create_time=now,
        update_time=now,
        convert_time=now if is_customer else None,
        conversion=Conversion.ENTERED if is_customer else Conversion.NONE,
        passed_stage_ids=passed((), stage_id),
    )


async def change(
    session: AsyncSession,
    contact_id: UUID,
    etag: str,
    redraft: Callable[[Contact], Draft],
    *,
    home_region: str,
    now: datetime,
) -> Contact:
    """Change a contact to what `redraft` makes of the stored one; nothing if it is the same.

    Raises `NotFound`, `PermissionDenied`, `Aborted` for a stale etag, `InvalidArgument` naming
    each bad field, `AlreadyExists` as `create` does.
    """
    before = await access.held(session, contact_id, "write", etag)
    return await rewrite(session, before, redraft(before), home_region=home_region, now=now)


async def rewrite(
    session: AsyncSession,
    before: Contact,
    draft: Draft,
    *,
    home_region: str,
    now: datetime,
    named: str = "contact.",
) -> Contact:
    """Change a contact that the caller has locked; bad fields are named below `named`."""
    profile = await _checked(session, draft, before, home_region, named)
    profile = model.keep_validity(before.profile, profile, now)
    lies = before.profile.description
    if unreadable.is_so(lies) and profile.description == unreadable.SHOWN:
        profile = replace(profile, description=lies)
    if not profile.reference_code:
        profile = replace(profile, reference_code=before.profile.reference_code)
    if profile == before.profile:
        return before
    after = replace(before, revision=before.revision + 1, profile=profile, update_time=now)
    await contacts.update(session, [after])
    await announce(session, after, events.updated(after))
    await trail.contact(session, "update", before, after)
    return after


async def delete(session: AsyncSession, contact_id: UUID, etag: str, *, now: datetime) -> None:
    """Delete a contact and leave its tombstone; raises as `change` does."""
    before = await access.held(session, contact_id, "delete", etag)
    revision = before.revision + 1
    await contacts.remove(session, before, revision, now)
    gone = events.deleted(contact_id, revision)
    await outbox.add(session, gone, to=Class.FACTS, key=str(contact_id), revision=revision)
    await trail.contact(session, "delete", before, None)


async def batch_get(session: AsyncSession, ids: Collection[UUID]) -> list[Contact]:
    """Return those of the contacts that the caller may read."""
    return await contacts.batch_get(session, ids, access.scope("read"))


async def page(
    session: AsyncSession, wanted: Filter, order: Order, page: Page
) -> tuple[list[Contact], contact_lists.Key | None]:
    """Return a page of the contacts the caller may read, and where the next one starts."""
    return await contact_lists.page(session, wanted, order, access.scope("read"), page)


async def announce(session: AsyncSession, contact: Contact, fact: Message) -> None:
    """Put a fact about a contact into the outbox, by its key and revision."""
    key, revision = str(contact.id), contact.revision
    await outbox.add(session, fact, to=Class.FACTS, key=key, revision=revision)


def _invited_at(profile: Profile, by: Channel) -> str:
    """Return where an invitation goes; raises `InvalidArgument` when there is no such address."""
    found = model.reach(profile.phones if by is Channel.SMS else profile.emails)
    if found is None:
        fields.refuse([FieldViolation("channel", "the contact has no such address")])
        raise AssertionError("a violation is refused")
    return found.address


async def _checked(
    session: AsyncSession,
    draft: Draft,
    before: Contact | None,
    home_region: str,
    named: str = "contact.",
) -> Profile:
    """Return the draft's profile; raises naming each bad field, dangling ids among them."""
    profile, violations = validation.check(draft, home_region=home_region, prefix=named)
    known = before.profile if before else None
    if draft.kind not in (0, *Kind):
        violations.append(FieldViolation("contact.kind", "is not one of the choices"))
    if profile is not None:
        violations += await _dangling(session, profile, known, before)
    fields.refuse(violations)
    if profile is None:
        raise AssertionError("a draft without a violation has a profile")
    return profile


async def _dangling(
    session: AsyncSession, profile: Profile, known: Profile | None, before: Contact | None
) -> list[FieldViolation]:
    found: list[FieldViolation] = []
    source_id, referrer = profile.source_id, profile.referred_by_contact_id
    if source_id is not None and source_id != (known and known.source_id):
        source = (await sources.existing(session, [source_id])).get(source_id)
        if source is None or source.retire_time is not None:
            why = "is no source" if source is None else "was retired"
            found.append(FieldViolation("contact.source_id", why))
    if referrer is not None and referrer != (known and known.referred_by_contact_id):
        if before is not None and referrer == before.id:
            found.append(FieldViolation("contact.referred_by_contact_id", "is the contact itself"))
        elif not await access.is_known(session, referrer):
            found.append(FieldViolation("contact.referred_by_contact_id", "is no contact"))
    return found


def _placed(profile: Profile, reach: Scope) -> Profile:
    """Give a new contact its team, and an owner where its maker would lose sight of it."""
    principal = context.require_principal()
    team_id = profile.team_id or principal.team_id or ""
    owner_ids = profile.owner_ids
    if not owner_ids and reach.level < Level.ALL and reach.user_id is not None:
        owner_ids = (reach.user_id,)
    return replace(profile, team_id=team_id, owner_ids=owner_ids)
