"""Works at imports: one at a time per process, batch by batch, under a lease that lapses."""

import asyncio
import io
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import IO

import structlog

from chassis import context
from chassis.context import Principal
from chassis.db import Sessions
from chassis.db.patience import patiently
from chassis.sealing import SealBroken
from services.leads.domain import import_rows, importing
from services.leads.domain.files import shape, table
from services.leads.domain.files.vcard import Property
from services.leads.domain.import_rows import Ready
from services.leads.domain.importing import Import, Row
from services.leads.storage import contacts, import_files
from services.leads.storage import imports as stored
from services.leads.usecases import import_batches, imports, returning

LEASE_SECONDS = 30.0
IDLE_SECONDS = 0.5
# A file that kills its worker this often is not tried for ever.
MOST_CLAIMS = 25
# So many batches' words wait beside the search index before they are merged into it at once.
MERGED_BATCHES = 10
_SWITCH_SECONDS = 0.0005

log = structlog.get_logger(__name__)

Batch = list[Ready | Row]


class Importer:
    """A background task; drains: it ends between two batches and another worker goes on."""

    drains = True

    def __init__(
        self,
        sessions: Sessions,
        clock: Callable[[], datetime],
        home_region: str,
        seal_key: str,
    ) -> None:
        self._sessions = sessions
        self._seal_key = seal_key
        self._clock = clock
        self._home_region = home_region

    async def __call__(self) -> None:
        """Take imports that nobody works at until the process drains."""
        while not context.draining().is_set():
            await patiently(self._next, name="import")

    async def _next(self) -> None:
        """Work at one import, or wait a little where there is none."""
        async with self._sessions.begin() as session:
            current = await stored.claim(session, LEASE_SECONDS)
        if current is None:
            await context.pause(IDLE_SECONDS)
            return
        author = Principal(subject=current.creator, kind="user", rights={}, team_id=None)
        around = context.bind(request_id=f"import-{current.id}", principal=author)
        with around, _soon_switched():
            await self._work(current)

    async def _work(self, current: Import) -> None:
        log.info("import_taken", import_id=str(current.id), fence=current.fence)
        if current.fence > MOST_CLAIMS:
            await self._fail(current, "it was begun too often without coming to its end")
            return
        with tempfile.TemporaryFile() as file:
            if not await self._fetch(current, file):
                await self._fail(current, "its file is not kept any more")
                return
            try:
                await self._rows(current, file)
            except table.TooLong:
                await self._fail(current, "a cell of the file never ends; is a quote not closed?")

    async def _fetch(self, current: Import, file: IO[bytes]) -> bool:
        """Bring the file here; False for one that was dropped, which has no row to be imported."""
        fetched = 0
        async with self._sessions.begin() as session:
            async for part in import_files.parts(session, current.id):
                fetched += await asyncio.to_thread(file.write, part)
        return fetched >= current.file_size

    async def _rows(self, current: Import, file: IO[bytes]) -> None:
        if not current.total_rows:
            total = await asyncio.to_thread(_count, file, current)
            current = replace(current, total_rows=total)
            async with self._sessions.begin() as session:
                await stored.count(session, current, total, LEASE_SECONDS)
        batches = self._batches(file, current)
        batch: Batch = await asyncio.to_thread(next, batches, [])
        async with asyncio.TaskGroup() as beside:
            for number in itertools.count(1):
                if not batch or context.draining().is_set():
                    break
                # The next rows are read while these are written: two cores, one import.
                ahead = asyncio.create_task(asyncio.to_thread(next, batches, []))
                try:
                    kept = await self._write(current, batch)
                finally:
                    batch = await ahead
                if not kept:
                    log.warning("import_lost", import_id=str(current.id), fence=current.fence)
                    return
                if number % MERGED_BATCHES == 0 or not batch:
                    beside.create_task(self._merge_search())
        if not batch:
            async with self._sessions.begin() as session:
                await imports.complete(session, current)
            log.info("import_ended", import_id=str(current.id), dry_run=current.dry_run)

    async def _merge_search(self) -> None:
        async with self._sessions.begin() as session:
            await contacts.merge_search(session)

    async def _write(self, current: Import, batch: Batch) -> bool:
        async with self._sessions.begin() as session:
            try:
                erased = await returning.keys(session, self._seal_key)
            except SealBroken:
                # Who is being erased cannot be told: the import waits for who can.
                log.error("erasure_unreadable", import_id=str(current.id))
                return False
            ledger = await import_batches.apply(
                session,
                current,
                batch,
                now=self._clock(),
                lease_seconds=LEASE_SECONDS,
                erased=erased,
            )
        return ledger is not None

    def _batches(self, file: IO[bytes], current: Import) -> Iterator[Batch]:
        """Yield batches of rows made ready, beginning after those that have their line."""
        done = current.ledger.rows
        reader = import_rows.Reader(current, home_region=self._home_region)
        records = itertools.islice(_records(file, current), done, None)
        numbered = enumerate(records, done + 1)
        while chunk := list(itertools.islice(numbered, importing.BATCH_ROWS)):
            now = self._clock()
            yield [reader.ready(number, record, now) for number, record in chunk]

    async def _fail(self, current: Import, why: str) -> None:
        async with self._sessions.begin() as session:
            await imports.fail(session, current, why)
        log.warning("import_failed", import_id=str(current.id), why=why)


def _records(file: IO[bytes], current: Import) -> Iterator[list[str] | list[Property]]:
    file.seek(0)
    # newline="" keeps the line ends that quoted cells hold; odd bytes become question marks.
    lines = io.TextIOWrapper(
        file, encoding=current.shape.encoding, errors="replace", newline="", write_through=True
    )
    try:
        yield from shape.records(lines, current.shape)
    finally:
        # An import that was given up has closed the file under us.
        if not file.closed:
            lines.detach()


@contextmanager
def _soon_switched() -> Iterator[None]:
    """Let the thread that reads rows give way to the one that writes within half a millisecond.

    Each answer of PostgreSQL waited five otherwise, and PostgreSQL for the next statement.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _count(file: IO[bytes], current: Import) -> int:
    return sum(1 for _ in _records(file, current))
