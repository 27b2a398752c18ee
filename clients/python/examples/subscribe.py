"""Keeps every event in a SQLite file, each once, with a restricted account of the broker.

Told by its environment: NATS_URL with user and password, SUBSCRIBER (the name behind
`subscriber-`), EVENTS_FILE. Its argument is after how many events to end; without one it goes on.
"""

import asyncio
import os
import sqlite3
import sys

import nats
from google.protobuf import json_format
from nats.aio.msg import Msg

from mekong_client import events

_TOGETHER = 100


async def main(most: int | None) -> None:
    """Read until `most` events were kept."""
    name = os.environ["SUBSCRIBER"]
    kept = sqlite3.connect(os.environ["EVENTS_FILE"])
    kept.execute("CREATE TABLE IF NOT EXISTS events (id PRIMARY KEY, name, key, revision, json)")
    # The account hears this inbox and no other.
    broker = await nats.connect(os.environ["NATS_URL"], inbox_prefix=f"_INBOX_{name}")
    try:
        # The consumer is there: the house made it (MEKONG_SUBSCRIBERS), the account may not.
        feed = await broker.jetstream().pull_subscribe_bind(f"subscriber-{name}", "FACTS")
        seen = 0
        while most is None or seen < most:
            try:
                messages = await feed.fetch(_TOGETHER, timeout=5)
            except TimeoutError:
                continue  # nothing happened
            for message in messages:
                seen += keep(kept, message)
                # Only now: what is not acknowledged comes again, after 30 seconds.
                await message.ack()
        await broker.flush()
    finally:
        await broker.close()
        kept.close()


def keep(kept: sqlite3.Connection, message: Msg) -> int:
    """Keep an event in a transaction with its id; returns 0 for one that was kept before.

    What cannot be read is told and left: it would not get better by coming again.
    """
    try:
        event = events.read(message.subject, message.data, message.headers)
    except (LookupError, ValueError) as unknown:
        sys.stderr.write(f"left out: {unknown}\n")
        return 0
    row = (
        event.id,
        event.name,
        event.key,
        event.revision,
        json_format.MessageToJson(event.message),
    )
    with kept:
        return kept.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", row).rowcount


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else None))
