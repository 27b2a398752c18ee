"""Chunks that go straight to the wire as far as caps let them, without an engine."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from services.notifier.domain.states import Purpose, Reason, Result, Verdict
from services.notifier.domain.work import Claimed, Outgoing, Prepared
from services.notifier.messages.chunks import Chunk
from services.notifier.storage import caps, claims
from services.notifier.usecases import claiming, settling, straight
from services.notifier.usecases.claiming import Batch
from tests.integration.notifier.counting_parts import ADDRESS, RULES, STANDARDS, advertise
from tests.integration.notifier.notifier_parts import House, make_chunk

TERMS = claiming.Terms(claims.Holder("w", 30.0), STANDARDS, "vn")
WINDOW = timedelta(hours=24) + caps.SLACK


async def take(session: AsyncSession, run_id: uuid.UUID, addresses: Sequence[str]) -> Batch:
    """A chunk of a run that goes straight: who of it may go."""
    return await take_chunk(session, make_chunk(run_id, addresses, purpose=Purpose.MARKETING))


async def take_chunk(session: AsyncSession, chunk: Chunk) -> Batch:
    """As `take`."""
    (claim,) = await claims.next_ids(session, 1)
    batch = await straight.look(session, chunk, claim)
    assert batch.run is not None
    ready = straight.Ready(chunk, batch.run, batch, {})
    together = db.Together(session)
    asked = straight.ask(together, ready, TERMS)
    await together.send()
    return await straight.take(session, ready, asked, TERMS, "smtp", lambda _: True)


async def send(house: House, run_id: uuid.UUID, *addresses: str) -> tuple[Claimed, ...]:
    """As `take`, committed."""
    async with house.sessions.begin() as session:
        return (await take(session, run_id, addresses)).messages


async def new_run(house: House) -> uuid.UUID:
    """A run that is known, of which nobody asked for anything yet."""
    return await advertise(house, f"{uuid.uuid4()}@example.vn")


async def sent_by(house: House, count: int, *addresses: str) -> list[tuple[Claimed, ...]]:
    """What so many runs sent to addresses."""
    return [await send(house, await new_run(house), *addresses or (ADDRESS,)) for _ in range(count)]


async def end(
    house: House,
    message: Claimed,
    verdict: Verdict,
    number: int = 1,
    reason: Reason = Reason.NONE,
) -> None:
    """Ends an attempt."""
    result = Result(verdict, reason=reason)
    prepared = Prepared(message, "", b"", (), 0, False, 0, 1, 0.0)
    async with house.sessions.begin() as session:
        await settling.settle(
            session,
            [settling.Ended(Outgoing(prepared, number), result)],
            provider="smtp",
            retry_seconds=3600,
            region="vn",
            rules=RULES,
        )
