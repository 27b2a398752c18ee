"""A chain of audit entries, and how tests look at it and break it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.accounts import audit
from services.accounts.domain import chain
from services.accounts.domain.chain import FIRST, Entry, Happening
from services.accounts.domain.walking import Head
from services.accounts.storage import chained
from services.accounts.usecases import trail


def happening(number: int, **more: Any) -> Happening:
    return Happening(
        **{
            "id": str(uuid4()),
            "time": datetime.now(UTC),
            "service": "leads",
            "actor_id": "u1",
            "actor_kind": "user",
            "acting_service": "",
            "action": "contact.update",
            "subject_type": "contact",
            "subject_id": str(number % 3),
            "request_id": "r",
            "before": {"name": "Lan"},
            "after": {"name": "Lan Anh"} if number % 2 else None,
            **more,
        }
    )


@pytest.fixture
async def chained_house(house: Any) -> Any:
    """A house whose chain has ten entries, the first three of the version before."""
    async with house.sessions.begin() as session:
        previous, rows = FIRST, []
        for number in range(1, 4):
            entry = Entry(
                sequence=number,
                key_id=None,
                sealed=None,
                previous_hash=previous,
                **{it: getattr(happening(number), it) for it in trail._SHARED},
            )
            previous = chain.link(entry, version=1)
            row = bytearray(chain.row(chain.packed(entry), previous))
            row[-38:-36] = (1).to_bytes(2, "big")
            rows.append(bytes(row))
        await chained.append(session, rows)
    async with house.sessions.begin() as session:
        await house.trail.chain(session, [happening(number) for number in range(4, 11)])
    return house


async def execute(house: Any, statement: str, **given: Any) -> None:
    async with house.sessions.begin() as session:
        await session.execute(text(statement), given)


async def head(house: Any) -> Head:
    async with house.sessions.begin() as session:
        return Head(*await trail.audit.head(session))


async def found(house: Any, *given: Head) -> list[tuple[str, int, int]]:
    walk = await audit.verify(house.sessions, given)
    return [(it.kind.value, it.first, it.last) for it in walk.findings]
