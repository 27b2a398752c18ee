"""Queries of messages to people, which wait to be handed to the notifier."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.accounts.domain.letters import Kind, State, Waiting


class Kept(NamedTuple):
    """What is known of a locked letter: `link_id` and `sealed_words` once it was written."""

    link_id: UUID | None
    sealed_words: bytes | None
    is_late: bool


class Letters:
    """The letters of one table, all of which are alike."""

    def __init__(self, table: str) -> None:
        self._sql = {
            name: text(statement.replace("LETTERS", table))
            for name, statement in _STATEMENTS.items()
        }

    async def add(self, session: AsyncSession, letter_id: UUID, kind: Kind, recipient: str) -> None:
        """Stores a letter to be handed over at once, unless one like it waits."""
        given = {"id": letter_id, "kind": kind.value, "recipient": recipient}
        await session.execute(self._sql["ADD"], given)

    async def claim(self, session: AsyncSession, limit: int, lease: timedelta) -> Sequence[Waiting]:
        """Returns up to `limit` that are due, the oldest first, and leaves them to this worker.

        They are its own for the lease, and each counts as tried from now on. Skips those that
        another worker is claiming, and kinds that only a later release knows.
        """
        given = {"limit": limit, "lease": lease, "kinds": [kind.value for kind in Kind]}
        found = [
            Waiting(row.id, Kind(row.kind), row.recipient, row.attempts, row.create_time)
            for row in await session.execute(self._sql["CLAIM"], given)
        ]
        return sorted(found, key=lambda it: (it.create_time, it.id))

    async def oldest_seconds(self, session: AsyncSession) -> float:
        """Returns the age of the oldest that waits, held and put off ones too; 0 for none."""
        found: float = await session.scalar(self._sql["OLDEST"]) or 0.0
        return found

    async def lock(
        self, session: AsyncSession, letter_id: UUID, patience: timedelta
    ) -> Kept | None:
        """Locks and returns one that waits; late is one that waited longer than `patience`."""
        row = (
            await session.execute(self._sql["LOCK"], {"id": letter_id, "patience": patience})
        ).first()
        return Kept(row.link_id, row.sealed_words, row.is_late) if row else None

    async def keep_words(
        self, session: AsyncSession, letter_id: UUID, link_id: UUID, sealed_words: bytes
    ) -> None:
        """Stores what a locked letter says from now on."""
        await session.execute(
            self._sql["KEEP"], {"id": letter_id, "link": link_id, "words": sealed_words}
        )

    async def settle(
        self,
        session: AsyncSession,
        letter_id: UUID,
        state: State,
        reason: str = "",
        message_id: Any = None,
    ) -> bool:
        """Ends one that waits, and forgets its words; False if another worker did."""
        given = {"id": letter_id, "state": state.value, "reason": reason, "message": message_id}
        return (await session.execute(self._sql["SETTLE"], given)).first() is not None

    async def put_off(self, session: AsyncSession, letter_id: UUID, wait: timedelta) -> None:
        """Has one tried again after a time."""
        await session.execute(self._sql["PUT_OFF"], {"id": letter_id, "wait": wait})

    async def drop(self, session: AsyncSession, letter_id: UUID) -> None:
        """Deletes one, with the address that was typed."""
        await session.execute(self._sql["DROP"], {"id": letter_id})

    async def forget(self, session: AsyncSession, recipients: Collection[str]) -> list[UUID]:
        """Deletes all to these recipients, for whichever browser, and returns their messages."""
        given = {"recipients": arrays.texts(recipients)}
        found = await session.execute(self._sql["FORGET"], given)
        return [it.message_id for it in found if it.message_id is not None]

    async def prune(self, session: AsyncSession, older: timedelta, limit: int = 1_000) -> int:
        """Deletes up to `limit` that ended, of those stored longer ago; returns how many."""
        return len(
            (await session.execute(self._sql["PRUNE"], {"older": older, "limit": limit})).all()
        )


_STATEMENTS = {
    "ADD": """
    INSERT INTO LETTERS (id, kind, recipient) VALUES (:id, :kind, :recipient)
    ON CONFLICT (kind, recipient) WHERE state = 'waiting' DO NOTHING
""",
    "CLAIM": """
    UPDATE LETTERS
    SET attempts = attempts + 1, next_time = clock_timestamp() + CAST(:lease AS interval)
    WHERE id = ANY(ARRAY(
        SELECT id FROM LETTERS
        WHERE state = 'waiting' AND next_time <= clock_timestamp() AND kind = ANY(:kinds)
        ORDER BY next_time
        LIMIT :limit
        FOR UPDATE SKIP LOCKED))
    RETURNING id, kind, recipient, attempts, create_time
""",
    "OLDEST": """
    SELECT CAST(extract(epoch FROM clock_timestamp() - create_time) AS float) FROM LETTERS
    WHERE state = 'waiting' ORDER BY create_time LIMIT 1
""",
    "LOCK": """
    SELECT link_id, sealed_words,
           create_time < clock_timestamp() - CAST(:patience AS interval) AS is_late
    FROM LETTERS WHERE id = :id AND state = 'waiting'
    FOR UPDATE
""",
    "KEEP": "UPDATE LETTERS SET link_id = :link, sealed_words = :words WHERE id = :id",
    "SETTLE": """
    UPDATE LETTERS
    SET state = :state, reason = :reason, message_id = CAST(:message AS uuid), sealed_words = NULL
    WHERE id = :id AND state = 'waiting'
    RETURNING 1
""",
    "PUT_OFF": """
    UPDATE LETTERS SET next_time = clock_timestamp() + CAST(:wait AS interval)
    WHERE id = :id AND state = 'waiting'
""",
    "DROP": "DELETE FROM LETTERS WHERE id = :id AND state = 'waiting'",
    "FORGET": """
    DELETE FROM LETTERS
    WHERE split_part(recipient, ' for ', 1) = ANY(CAST(:recipients AS text[]))
    RETURNING message_id
""",
    "PRUNE": """
    DELETE FROM LETTERS WHERE id = ANY(ARRAY(
        SELECT id FROM LETTERS
        WHERE state <> 'waiting' AND create_time < now() - CAST(:older AS interval)
        LIMIT :limit
        FOR UPDATE SKIP LOCKED))
    RETURNING 1
""",
}

STAFF = Letters("password_letters")
CUSTOMERS = Letters("contact_letters")
