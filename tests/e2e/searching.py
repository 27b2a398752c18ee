"""Searches everything a house keeps for words, in every form they may be kept in."""

import base64
import json
import quopri
from collections.abc import AsyncIterator, Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.events import sweeping
from chassis.events.connection import Connection
from local.running import House
from services import topology

# What the sandbox got is what was sent, and no part of the house.
_OTHERS = ("sandbox", "mail", "smpp", "inbox")


def forms(word: str) -> dict[str, str]:
    """Return a word as it is and as encodings have it, by the name of each, in lower case."""
    plain = word.encode()
    found = {
        "plain": word,
        "hex": plain.hex(),
        "json": json.dumps(word)[1:-1],
        "quoted-printable": quopri.encodestring(plain).decode().strip(),
    }
    for shift in range(3):
        # Of what stands at any place in a text, the letters that depend on it alone.
        whole = base64.b64encode(bytes(shift) + plain).decode()
        found[f"base64+{shift}"] = whole[4 if shift else 0 : len(plain) // 3 * 4]
    return {name: it.lower() for name, it in found.items() if len(it) > 5}


async def search(house: House, words: Sequence[str]) -> list[str]:
    """Return where any of the words is: "leads.contacts (plain)", "stream AUDIT 17 (hex)"."""
    wanted = [(word, name, form) for word in words for name, form in forms(word).items()]
    found: dict[str, None] = {}
    for where, row in [it async for it in _rows(house)] + list(_logs(house)):
        _note(found, where, row, wanted)
    async for where, data in _messages(house):
        _note(found, where, data.decode("utf-8", "replace"), wanted)
        _note(found, where, data.hex(), wanted)
    return list(found)


def _note(
    found: dict[str, None], where: str, row: str, wanted: Sequence[tuple[str, str, str]]
) -> None:
    lowered = row.lower()
    for word, name, form in wanted:
        if form in lowered:
            found[f"{where}: {word} ({name})"] = None


async def _rows(house: House) -> AsyncIterator[tuple[str, str]]:
    for service, url in house.state["databases"].items():
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            tables = await connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            )
            for (table,) in tables.all():
                rows = await connection.execute(text(f'SELECT t::text FROM "{table}" AS t'))  # noqa: S608
                for (row,) in rows:
                    yield f"{service}.{table}", row
        await engine.dispose()


async def _messages(house: House) -> AsyncIterator[tuple[str, bytes]]:
    nats = Connection(topology.Settings(nats_url=house.state["nats_url"]), "search")
    await nats.connected(within=10)
    for stream in await sweeping.streams(nats):
        async for found in sweeping.read(nats, stream):
            yield f"stream {stream} {found.subject}", found.data
            yield f"stream {stream} {found.subject} headers", str(found.headers).encode()
    await nats.close()


def _logs(house: House) -> Iterator[tuple[str, str]]:
    for log in sorted((house.home / "logs").iterdir()):
        if not log.name.startswith(_OTHERS):
            yield f"log {log.name}", log.read_text(errors="replace")
