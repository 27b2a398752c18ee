"""Takes a chunk straight to the wire: stored, claimed, judged and tried in one transaction.

What the window has room for needs no row that says it waits, no claim that reads it back and no
update that opens its attempt. What cannot go this way goes the ordinary one, whole.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from services.notifier import stages
from services.notifier.domain.gates import Facts
from services.notifier.domain.states import Next, RunState
from services.notifier.domain.work import Claimed, Key, Kind, Run
from services.notifier.messages.chunks import Chunk
from services.notifier.storage import claims, copying, erasing, intake, runs
from services.notifier.usecases import claiming, gating
from services.notifier.usecases.claiming import Batch, Terms


class Declined(Exception):
    """The chunk has to go the ordinary way; nothing of it is stored."""


@dataclass(frozen=True)
class Ready:
    """A chunk as it would be sent, made before its gates are asked.

    `failed` cannot be made. `run` and `batch` are what it was made with.
    """

    chunk: Chunk
    run: Run
    batch: Batch
    failed: Mapping[UUID, Next]


def claimed(chunk: Chunk, run: Run, claim: int) -> tuple[Claimed, ...]:
    """The recipients of a chunk as a claim with this number would read them back."""
    told, kind = chunk.told, run.kind
    at = chunk.received_at
    return tuple(
        [
            Claimed(
                Key(told.run_date, it.message_id),
                claim,
                0,
                kind,
                it.address,
                it.address_key,
                it.time_zone,
                tuple(it.values),
                told.not_after,
                at,
            )
            for it in chunk.recipients
        ]
    )


def kind_of(chunk: Chunk) -> Kind:
    """What the messages of a chunk have in common, as long as its run knows no other."""
    told = chunk.told
    return Kind(
        told.run_id,
        told.channel,
        told.purpose,
        told.advertiser_id,
        told.sender_identity_id,
        told.content_hash,
    )


async def look(session: AsyncSession, chunk: Chunk, claim: int) -> Batch:
    """What the chunk would be made with; raises `Declined` unless its run is as the chunk says."""
    run = await runs.get(session, chunk.told.run_id)
    if run is None or not _is_as_told(run, chunk) or not all(it.address for it in chunk.recipients):
        raise Declined
    return await claiming.unjudged(session, run, claim, claimed(chunk, run, claim))


class Asked(NamedTuple):
    """What has to be known before a chunk is taken: who else waits, what the gates ask for.

    Whether somebody of it was erased: those are stored without an address, the ordinary way.
    """

    waiting: db.Answer[list[Run]]
    facts: Callable[[], Facts]
    erased: db.Answer[bool]


def ask(together: db.Together, ready: Ready, terms: Terms) -> Asked:
    """Asks for what `take` needs, in its transaction; locks nothing."""
    run, messages = ready.run, ready.batch.messages
    return Asked(
        together.add(runs.ask_runnable(run.channel, marketing=True)),
        gating.ask_facts(together, run.channel, messages, run, terms.standards, None),
        together.add(erasing.ask_any_erased(_contacts(ready.chunk))),
    )


async def take(
    session: AsyncSession,
    ready: Ready,
    asked: Asked,
    terms: Terms,
    provider: str,
    is_next: Callable[[Sequence[Run]], bool],
) -> Batch:
    """Stores a chunk with an attempt open for each message that may go; returns those.

    Raises `Declined` when part of it is stored already, when its run changed or was paused, when
    its gates see another sender than it was made with, or when another run has its turn.

    Locks what the gates lock, and then the run and its line.
    """
    chunk, run = ready.chunk, ready.run
    if not is_next(asked.waiting()) or asked.erased():
        raise Declined
    messages, standards = ready.batch.messages, terms.standards
    facts = asked.facts()
    judging = gating.decide(session, run.channel, messages, facts, standards, is_straight=True)
    decided = await stages.during("gates", judging)
    if decided.senders != ready.batch.senders:
        raise Declined
    stored, after = await _place(session, ready, terms)
    claim = ready.batch.claim
    may_go, failed = decided.may_go, []
    if ready.failed:
        may_go = tuple([it for it in may_go if it.key.message_id not in ready.failed])
        failed = [(it, to) for it in decided.may_go if (to := ready.failed.get(it.key.message_id))]
    opened = None
    if len(may_go) < len(chunk.recipients):
        opened = {it.key.message_id for it in may_go}
    attempt = copying.Opened(opened, claim, provider, terms.holder.worker, decided.now)
    try:
        shared = intake.Shared.of_run(chunk.told)
        await copying.insert(session, shared, chunk.recipients, after, attempt)
    except copying.Known:
        raise Declined from None
    await claiming.divert(session, decided.diverted, terms.region)
    await claiming.give_up(session, failed, terms)
    if not may_go:
        await claims.finish(session, [claim])
    return replace(
        ready.batch,
        messages=may_go,
        run=stored,
        closes_in=decided.closes_in,
        gated=Counter(to.rule for _, to in decided.diverted),
    )


async def _place(session: AsyncSession, ready: Ready, terms: Terms) -> tuple[Run, int]:
    """Locks the run and claims the next places of its line; returns it and the place before them.

    Raises `Declined` if the run is not as it was.
    """
    told, run, people = ready.chunk.told, ready.run, len(ready.chunk.recipients)
    together = db.Together(session)
    noted = together.add(runs.ask_note_chunk(told, people))
    # Another statement, so that it sees the places this chunk was given once the run is locked.
    together.add(claims.ask_add(ready.batch.claim, told.run_id, people, terms.holder))
    await together.send()
    stored, after = noted()
    was_made_so = (run.epoch, run.kind, run.variables)
    is_now = (stored.epoch, stored.kind, stored.variables)
    if is_now != was_made_so or not _is_as_told(stored, ready.chunk):
        raise Declined
    if after == 0:
        await runs.begin_line(session, told.run_id)
    return stored, after


def _contacts(chunk: Chunk) -> list[UUID]:
    return [it.contact_id for it in chunk.recipients if it.contact_id]


def _is_as_told(run: Run, chunk: Chunk) -> bool:
    told = chunk.told
    return (
        run.state == RunState.ACTIVE
        and run.epoch == told.epoch
        and run.kind == kind_of(chunk)
        and run.variables == told.variables
    )
