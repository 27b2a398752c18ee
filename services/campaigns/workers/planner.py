"""Plans runs: freezes the audience at leads and writes down, batch by batch, who gets what."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import UUID

import grpc
import structlog

from chassis import context, errors
from chassis.db import Sessions
from services.campaigns.clients.leads import Leads
from services.campaigns.domain.campaigns import Unreached
from services.campaigns.domain.clock import Clock
from services.campaigns.domain.planning import People
from services.campaigns.domain.runs import Run
from services.campaigns.storage import leases, recipients
from services.campaigns.usecases import planning, unreached
from services.campaigns.workers import rounds

# A run that leads refuses waits so long, and does not keep others from being planned.
_REFUSED = timedelta(seconds=10)
_AWAY = timedelta(seconds=1)

# Stretches of an audience that are decided on together, if so many are there.
_TOGETHER = 4
# Batches prepared while the database writes those before them; it then writes them as one.
_AHEAD = 2
_LINGER_SECONDS = 0.1

Batches = asyncio.Queue[planning.Batch | None]
Stretches = asyncio.Queue[People | None]

log = structlog.get_logger()


class Planner:
    """Plans one run at a time, under a lease, so that another goes on where this one died."""

    def __init__(
        self,
        sessions: Sessions,
        leads: Leads,
        clock: Clock,
        *,
        instance: str,
        regions: Sequence[str],
        lease_seconds: float,
    ) -> None:
        self._sessions = sessions
        self._leads = leads
        self._clock = clock
        self._instance = instance
        self._regions = regions
        self._lease = timedelta(seconds=lease_seconds)

    async def round(self) -> bool:
        """Plan a run that nobody plans; False if there is none."""
        async with self._sessions.begin() as session:
            claimed = await leases.claim(session, self._instance, self._lease)
        if claimed is None:
            return False
        run, fence = claimed
        log.info("planning", run_id=str(run.id), fence=fence, cursor=run.plan.cursor)
        try:
            async with self._renewed(run.id, fence):
                await self._plan(run, fence)
        except errors.Error as error:
            away = rounds.is_away(error)
            await self._wait(run, fence, error.reason, error.message, is_away=away)
        except grpc.aio.AioRpcError as error:
            # INTERNAL and the like, which the error family does not have.
            await self._wait(run, fence, error.code().name, error.details() or "", is_away=False)
        except Exception:  # a bug or a broken database ends the task, but not the run's turn
            await self._release(run.id, fence, _REFUSED)
            raise
        else:
            await self._release(run.id, fence)
        return True

    async def _wait(self, run: Run, fence: int, reason: str, why: str, *, is_away: bool) -> None:
        line = log.warning if is_away else log.error
        line("planning_waits", run_id=str(run.id), reason=reason, why=why)
        await self._release(run.id, fence, _AWAY if is_away else _REFUSED)

    async def _plan(self, run: Run, fence: int) -> None:
        size = await self._freeze(run)
        async with planning.addresses(self._sessions, run, size) as addresses:
            deciding = planning.Deciding(run, self._regions, addresses, size)
            if not await self._write(run, fence, deciding):
                return
        async with self._sessions.begin() as session:
            frozen = await planning.freeze(session, run.id, fence, size, self._clock())
        if frozen:
            log.info("planned", run_id=str(run.id), audience=size)
            await self._learn(run)
            await self._let_go(run.id)

    async def _write(self, run: Run, fence: int, deciding: planning.Deciding) -> bool:
        """Write the plan batch by batch; False if another plans the run, or the process drains."""
        batches: Batches = asyncio.Queue(_AHEAD)
        preparing = asyncio.create_task(self._prepare(run, deciding, batches), name="plan stream")
        try:
            while (batch := await _next(batches)) is not None:
                async with self._sessions.begin() as session:
                    goes_on = await planning.plan(session, run.id, fence, batch, self._lease)
                if not goes_on or context.draining().is_set():
                    return False
            await preparing
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)
        return True

    async def _freeze(self, run: Run) -> int:
        """Freeze the audience at leads, or find it frozen; who was unreached is chosen here."""
        wanted = run.audience.unreached
        if wanted is None:
            return await self._leads.freeze(run)
        # Once somebody was planned it is frozen: nobody need be named again.
        return await self._leads.freeze_given(
            run.id, _nobody() if run.plan.cursor else self._unreached(wanted)
        )

    async def _unreached(self, wanted: Unreached) -> AsyncIterator[bytes]:
        after = 0
        while True:
            async with self._sessions.begin() as session:
                found = await unreached.some(session, wanted, after)
            if not found.ids:
                return
            yield b"".join(found.ids)
            after = found.last

    async def _prepare(self, run: Run, deciding: planning.Deciding, batches: Batches) -> None:
        """Decide on the next people while the database writes the last; None ends them."""
        people: Stretches = asyncio.Queue(_TOGETHER)
        reading = asyncio.create_task(self._read(run, people), name="audience")
        try:
            while stretches := await _there(people):
                await batches.put(await deciding.decide(stretches))
            await reading
        except Exception:  # raised to whoever awaits this, once it no longer waits for a batch
            await batches.put(None)
            raise
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        await batches.put(None)

    async def _read(self, run: Run, people: Stretches) -> None:
        """Take people from leads as they come; None ends them."""
        try:
            async with contextlib.aclosing(self._leads.stream(run)) as stream:
                async for stretch in stream:
                    await people.put(stretch)
        except Exception:  # likewise
            await people.put(None)
            raise
        await people.put(None)

    async def _learn(self, run: Run) -> None:
        async with self._sessions.begin() as session:
            await recipients.learn(session, run)

    async def _let_go(self, run_id: UUID) -> None:
        """Tell leads that the audience is not needed; one that is never told keeps it."""
        try:
            await self._leads.release(run_id)
        except errors.Error as error:
            log.info("audience_not_released", run_id=str(run_id), reason=error.reason)

    async def _release(self, run_id: UUID, fence: int, after: timedelta = timedelta()) -> None:
        async with self._sessions.begin() as session:
            await leases.release(session, run_id, fence, after)

    @contextlib.asynccontextmanager
    async def _renewed(self, run_id: UUID, fence: int) -> AsyncIterator[None]:
        """Keep the lease while leads is being waited for."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self._lease.total_seconds() / 3)
                async with self._sessions.begin() as session:
                    await leases.keep(session, run_id, fence, self._lease)

        renewing = asyncio.create_task(renew(), name="planner lease")
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)


async def _nobody() -> AsyncIterator[bytes]:
    nobody: tuple[bytes, ...] = ()
    for each in nobody:
        yield each


async def _next(batches: Batches) -> planning.Batch | None:
    """Return the batches that come within a moment as one; None if there will be no more."""
    waiting = [await batches.get()]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while waiting[-1] is not None and len(waiting) < _AHEAD:
                waiting.append(await batches.get())
    found = [each for each in waiting if each is not None]
    if found and len(found) < len(waiting):
        batches.put_nowait(None)
    return planning.merged(found) if found else None


async def _there(people: Stretches) -> list[People]:
    """Return the stretches that are there, at least one; none if there will be no more."""
    found: list[People] = []
    while len(found) < _TOGETHER and not (found and people.empty()):
        stretch = await people.get()
        if stretch is None:
            if found:
                people.put_nowait(None)
            break
        found.append(stretch)
    return found
