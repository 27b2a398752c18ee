"""What the sandbox peers accepted, on disk before anybody hears of it.

Writers wait for a commit that they share with every other writer of the same moment: one fsync
for many answers.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

Channel = Literal["email", "sms"]
Row = dict[str, Any]
T = TypeVar("T")

ID_PAGE = 5_000
SCHEMA = """
create table if not exists received (
    seq integer primary key,
    channel text not null,
    received_at real not null,
    message_id text not null,
    part integer not null,
    parts integer not null,
    sender text not null,
    recipient text not null,
    subject text not null,
    provider_id text not null,
    answer text not null,
    receipt text not null,
    session text not null,
    raw blob not null
);
create index if not exists received_by_message on received (channel, message_id, part);
create index if not exists received_awaiting_receipt on received (seq) where receipt = 'due';
create table if not exists receipts (
    seq integer primary key,
    sent_at real not null,
    provider_id text not null,
    message_id text not null,
    recipient text not null,
    status text not null
);
"""


@dataclass(frozen=True, slots=True)
class Received:
    """One accepted mail or SMS segment.

    `message_id` is the sender's own key ("" when it gave none), `answer` what the peer was told
    ("accepted", or "silent" and "closed" for the faults), `receipt` is "due" or "".
    """

    channel: Channel
    message_id: str
    sender: str
    recipient: str
    subject: str
    raw: bytes
    provider_id: str = ""
    part: int = 1
    parts: int = 1
    answer: str = "accepted"
    receipt: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery receipt that the peer acknowledged."""

    provider_id: str
    message_id: str
    recipient: str
    status: str


class Store:
    """An append-only record in one SQLite file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        # One thread each: SQLite has one writer, and a page must not wait behind a commit.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._waiting: list[tuple[Received | Receipt, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._write = _connect(path)
        self._write.executescript(SCHEMA)
        self._read = _connect(path)

    async def close(self) -> None:
        """Wait for the last commit and close the file."""
        if self._flushing is not None:
            await self._flushing
        self._writer.shutdown()
        self._reader.shutdown()
        self._write.close()
        self._read.close()

    async def add(self, record: Received | Receipt) -> None:
        """Keep `record`; returns when it is on the disk. Raises sqlite3.Error when it cannot."""
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((record, kept))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await kept

    async def counts(self) -> Row:
        """Return how much was accepted, by channel, and the greatest number of copies of one id."""
        return await self._query(_counts)

    async def messages(
        self, *, channel: str = "", search: str = "", before: int = 0, limit: int = 50
    ) -> list[Row]:
        """Return up to `limit` rows before `before` (0: the newest), newest first, without raw."""
        return await self._query(lambda c: _messages(c, channel, search, before, limit))

    async def message(self, seq: int) -> Row | None:
        """Return one row, raw included."""
        rows = await self._query(lambda c: _rows(c, "select * from received where seq = ?", (seq,)))
        return rows[0] if rows else None

    async def receipts(self, *, before: int = 0, limit: int = 50) -> list[Row]:
        """Return up to `limit` receipts before `before` (0: the newest), newest first."""
        query = "select * from receipts where ? = 0 or seq < ? order by seq desc limit ?"
        return await self._query(lambda c: _rows(c, query, (before, before, limit)))

    async def awaiting_receipt(self) -> list[Row]:
        """Return what still has a receipt due, as when the sandbox was stopped before it."""
        query = """select message_id, provider_id, sender, recipient, session, received_at
            from received where receipt = 'due' order by seq"""
        return await self._query(lambda c: _rows(c, query, ()))

    async def ids(self, channel: Channel, after: str = "") -> AsyncIterator[list[Row]]:
        """Yield pages of {message_id, copies, answers, receipt}, in order of id."""
        while page := await self._ids_page(channel, after):
            yield page
            after = str(page[-1]["message_id"])

    async def _ids_page(self, channel: Channel, after: str) -> list[Row]:
        # A long message has parts; copies of the message are copies of its most repeated part.
        query = """
            select message_id, max(n) as copies, group_concat(distinct answer) as answers,
                max(receipt) as receipt
            from (
                select message_id, count(*) as n, max(answer) as answer, max(receipt) as receipt
                from received where channel = ? and message_id > ? group by message_id, part
            ) group by message_id order by message_id limit ?"""
        return await self._query(lambda c: _rows(c, query, (channel, after, ID_PAGE)))

    async def _query(self, work: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader, work, self._read)

    async def _flush(self) -> None:
        """Commit everything that waits, and again what came meanwhile."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            records = [record for record, _ in batch]
            try:
                await loop.run_in_executor(self._writer, _commit, self._write, records)
            except sqlite3.Error as error:
                _settle(batch, error)
            else:
                _settle(batch, None)
        self._flushing = None


def _settle(
    batch: Sequence[tuple[Received | Receipt, asyncio.Future[None]]], error: Exception | None
) -> None:
    for _, kept in batch:
        if kept.done():  # the connection that waited is gone
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")  # in WAL mode less would not survive power loss
    connection.execute("pragma busy_timeout = 10000")
    return connection


def _commit(connection: sqlite3.Connection, records: Sequence[Received | Receipt]) -> None:
    now = time.time()
    connection.execute("begin immediate")
    try:
        connection.executemany(
            "insert into received values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_received(r, now) for r in records if isinstance(r, Received)],
        )
        receipts = [r for r in records if isinstance(r, Receipt)]
        connection.executemany(
            "insert into receipts values (null, ?, ?, ?, ?, ?)",
            [(now, r.provider_id, r.message_id, r.recipient, r.status) for r in receipts],
        )
        connection.executemany(
            """update received set receipt = ?
            where channel = 'sms' and message_id = ? and provider_id = ?""",
            [(r.status, r.message_id, r.provider_id) for r in receipts],
        )
    except sqlite3.Error:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _received(r: Received, now: float) -> tuple[object, ...]:
    return (
        *(r.channel, now, r.message_id, r.part, r.parts, r.sender, r.recipient, r.subject),
        *(r.provider_id, r.answer, r.receipt, r.session, r.raw),
    )


def _rows(connection: sqlite3.Connection, query: str, arguments: tuple[object, ...]) -> list[Row]:
    return [dict(row) for row in connection.execute(query, arguments)]


def _counts(connection: sqlite3.Connection) -> Row:
    totals: Row = {"mails": 0, "sms": 0, "email_ids": 0, "sms_ids": 0, "max_copies": 0}
    query = """
        select channel, count(*) as ids, sum(total) as total, max(copies) as copies,
            sum(case when message_id = '' then 1 else 0 end) as nameless
        from (
            select channel, message_id, sum(n) as total, max(n) as copies from (
                select channel, message_id, count(*) as n from received
                group by channel, message_id, part
            ) group by channel, message_id
        ) group by channel"""
    for row in connection.execute(query):
        totals["mails" if row["channel"] == "email" else "sms"] = row["total"]
        totals[f"{row['channel']}_ids"] = row["ids"] - row["nameless"]
    named = connection.execute(
        """select max(n) from (select count(*) as n from received where message_id <> ''
        group by channel, message_id, part)"""
    ).fetchone()
    totals["max_copies"] = named[0] or 0
    totals["receipts"] = connection.execute("select count(*) from receipts").fetchone()[0]
    return totals


def _messages(
    connection: sqlite3.Connection, channel: str, search: str, before: int, limit: int
) -> list[Row]:
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    query = """
        select seq, channel, received_at, message_id, part, parts, sender, recipient, subject,
            provider_id, answer, receipt, length(raw) as bytes
        from received
        where (:before = 0 or seq < :before) and (:channel = '' or channel = :channel)
            and (:like = '%%' or recipient like :like escape '\\' or subject like :like escape '\\'
                or sender like :like escape '\\' or message_id like :like escape '\\')
        order by seq desc limit :limit"""
    arguments = {"before": before, "channel": channel, "like": f"%{escaped}%", "limit": limit}
    return [dict(row) for row in connection.execute(query, arguments)]
