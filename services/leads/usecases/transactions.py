"""Transactions taken in from tills, shops and ledgers; a first sale makes a customer."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit, outbox
from chassis.db.outbox import Class
from chassis.db.paging import Page
from chassis.scope import Scope
from services.leads.domain import transaction as rules
from services.leads.domain.contact import Contact, ExternalId, Kind
from services.leads.domain.transaction import Draft, Transaction
from services.leads.messages import events
from services.leads.storage import contacts
from services.leads.storage import transactions as storage
from services.leads.usecases import access, stages

Stored = dict[tuple[str, str], Transaction]


@dataclass(frozen=True)
class Rejected:
    """Why one transaction of a batch was refused; `index` is its place, from 0."""

    index: int
    field: str
    reason: str


@dataclass
class Outcome:
    """What became of a batch; every transaction is in exactly one of the counts."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    converted: list[UUID] = field(default_factory=list)


async def ingest(session: AsyncSession, drafts: Sequence[Draft], *, now: datetime) -> Outcome:
    """Store a batch: the good ones are stored, each bad one is named.

    The same external id again changes what is stored, or nothing. Leads with a first sale become
    customers; what is later cancelled or returned does not make them leads again. What is stored
    of a contact out of reach is bad, too: nobody takes a sale from somebody they cannot write.
    """
    scope = access.scope("write")
    outcome = Outcome()
    checked: list[tuple[int, Transaction]] = []
    for index, draft in enumerate(drafts):
        it, violations = rules.check(draft, new_id=uuid_utils.compat.uuid7(), now=now)
        if it is None:
            first = violations[0]
            outcome.rejected.append(Rejected(index, first.field, first.description))
        else:
            checked.append((index, it))
    resolved = await _resolve(session, checked, scope, outcome)
    places = {it.id: index for index, it in checked}
    stored: list[Transaction] = []
    for wave in _waves(resolved):
        known, new = await _known(session, wave)
        theirs = await _unreached(session, known, scope)
        wrong = [it for it in wave if it.key in theirs]
        outcome.rejected += [Rejected(places[it.id], "external_id", _THEIRS) for it in wrong]
        told = [it for it in wave if it.key in known.keys() - theirs]
        stored += new + await _change(session, told, known, outcome)
        outcome.created += len(new)
    await _convert(session, stored, scope, outcome, now)
    await _announce(session, stored, outcome)
    outcome.rejected.sort(key=lambda it: it.index)
    return outcome


async def page(
    session: AsyncSession, contact_id: UUID, page: Page
) -> tuple[list[Transaction], storage.Key | None]:
    """Return a page of the transactions of a contact the caller may read, newest first."""
    await access.visible(session, contact_id)
    return await storage.page(session, contact_id, page)


async def _resolve(
    session: AsyncSession,
    checked: Sequence[tuple[int, Transaction]],
    scope: Scope,
    outcome: Outcome,
) -> list[Transaction]:
    """Find whose each transaction is; an unknown or unreachable contact rejects it."""
    by_theirs = await contacts.taken_external_ids(
        session, {ExternalId(it.system, it.contact_external_id) for _, it in checked}
    )
    named: list[tuple[int, Transaction]] = []
    for index, it in checked:
        if it.contact_id == _NIL:
            found = by_theirs.get(ExternalId(it.system, it.contact_external_id), _NIL)
            named.append((index, replace(it, contact_id=found)))
        else:
            named.append((index, it))
    ids = {it.contact_id for _, it in named}
    reachable = {it.id for it in await contacts.batch_get(session, ids, scope)}
    for index, it in named:
        if it.contact_id not in reachable:
            by_id = "contact_id" if not it.contact_external_id else "contact_external_id"
            outcome.rejected.append(Rejected(index, by_id, "is no contact"))
    return [it for _, it in named if it.contact_id in reachable]


def _waves(transactions: Sequence[Transaction]) -> list[list[Transaction]]:
    """Split so that each wave names a transaction once, later tellings in later waves."""
    waves: list[dict[tuple[str, str], Transaction]] = []
    for it in transactions:
        place = next((n for n, wave in enumerate(waves) if it.key not in wave), len(waves))
        if place == len(waves):
            waves.append({})
        waves[place][it.key] = it
    return [list(wave.values()) for wave in waves]


async def _known(
    session: AsyncSession, wave: Sequence[Transaction]
) -> tuple[Stored, list[Transaction]]:
    """Store those that are new; return what was stored of the others, locked, and the new ones."""
    known = await storage.lock(session, [it.key for it in wave])
    new = [it for it in wave if it.key not in known]
    inserted = await storage.insert(session, new)
    lost = [it for it in new if it.id not in inserted]
    if lost:  # somebody else stored them between our look and our insert
        known |= await storage.lock(session, [it.key for it in lost])
    return known, [it for it in new if it.id in inserted]


async def _unreached(session: AsyncSession, known: Stored, scope: Scope) -> set[tuple[str, str]]:
    """Return the keys of stored transactions whose contacts are not within reach."""
    if scope.is_all:
        return set()
    ids = {it.contact_id for it in known.values()}
    reachable = {it.id for it in await contacts.batch_get(session, ids, scope)}
    return {key for key, it in known.items() if it.contact_id not in reachable}


async def _change(
    session: AsyncSession, given: Sequence[Transaction], known: Stored, outcome: Outcome
) -> list[Transaction]:
    told = [replace(it, id=known[it.key].id) for it in given]
    changed = [it for it in told if it != known[it.key]]
    await storage.update(session, changed)
    outcome.updated += len(changed)
    outcome.unchanged += len(told) - len(changed)
    return changed


async def _convert(
    session: AsyncSession,
    stored: Sequence[Transaction],
    scope: Scope,
    outcome: Outcome,
    now: datetime,
) -> None:
    buyers = {it.contact_id for it in stored if it.is_sale}
    held: dict[UUID, Contact] = await contacts.lock(session, buyers, scope) if buyers else {}
    leads = [it for it in held.values() if it.kind is Kind.LEAD]
    converted = await stages.convert_by_sale(session, leads, now=now)
    outcome.converted += [it.id for it in converted]


async def _announce(session: AsyncSession, stored: Sequence[Transaction], outcome: Outcome) -> None:
    if not stored:
        return
    for event in events.ingested(stored):
        await outbox.add(session, event, to=Class.FACTS, key=event.transactions[0].id, revision=1)
    await audit.record(
        session,
        action="transaction.ingest",
        subject_type="transactions",
        subject_id=str(stored[0].id),
        after={"created": outcome.created, "updated": outcome.updated},
    )


_NIL = UUID(int=0)
_THEIRS = "is a transaction of another contact"
