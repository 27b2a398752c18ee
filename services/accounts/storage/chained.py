"""Rows of the audit chain, written and read by binary COPY: what is hashed is what is copied."""

import struct
from collections.abc import Sequence

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import failures
from services.accounts.domain.chain import COLUMNS

_COLUMNS = ", ".join(COLUMNS)
_WRITE = f"COPY audit_entries ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_READ = f"""
    COPY (SELECT {_COLUMNS} FROM audit_entries WHERE sequence > %s ORDER BY sequence LIMIT %s)
    TO STDOUT (FORMAT BINARY)
"""  # noqa: S608 (our own names)
_BEGIN = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_END = struct.pack(">h", -1)


async def append(session: AsyncSession, rows: Sequence[bytes]) -> None:
    """Adds the next rows, as `domain.chain.row` makes them; lock the chain first."""
    raw = await db.driver(session)
    try:
        async with raw.cursor() as cursor, cursor.copy(_WRITE) as stream:
            await stream.write(b"".join((_BEGIN, *rows, _END)))
    except psycopg.Error as error:
        raise failures.told(_WRITE, error, raw) from error


async def following(session: AsyncSession, place: int, limit: int) -> list[bytes]:
    """Returns up to `limit` rows behind a place, in order, as `domain.chain.row` makes them."""
    raw = await db.driver(session)
    rows: list[bytes] = []
    try:
        async with raw.cursor() as cursor, cursor.copy(_READ.encode(), (place, limit)) as stream:
            async for part in stream:
                rows.append(bytes(part))
    except psycopg.Error as error:
        raise failures.told(_READ, error, raw) from error
    # The first comes behind what begins the copy; what ends it comes by itself.
    rows[0] = rows[0].removeprefix(_BEGIN)
    return [it for it in rows if it and it != _END]
