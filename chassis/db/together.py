"""Statements of one transaction in one round trip, past the layers between session and driver.

To ask at all costs more than most of what is asked: a statement through the session takes some
500 µs of Python and one by itself here 300, and so do five of them here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Select, TextClause
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import failures
from chassis.db.pool import beginning, begun, unbegun

T = TypeVar("T")
Rows = Sequence[Any]
# One that is made of expressions has a name for each parameter, and is made once and kept: it is
# put into words when it is first sent.
Statement = TextClause | Select[Any]


def nothing(_: Rows) -> None:
    """Reads the rows of a statement that nobody waits for."""


class Ask(NamedTuple, Generic[T]):
    """One statement, its parameters, and what its rows, which have names, are made into."""

    statement: Statement
    given: Mapping[str, object]
    read: Callable[[Rows], T]


@dataclass(eq=False)
class Answer(Generic[T]):
    """What an `Ask` found: call it once that was sent."""

    _ask: Ask[T]
    _rows: Rows | None = None

    def __call__(self) -> T:
        """Raises `RuntimeError` as long as nothing was sent."""
        if self._rows is None:
            raise RuntimeError("not sent yet")
        return self._ask.read(self._rows)


@dataclass(eq=False)
class Together:
    """Collects statements, and sends them one after the other in one round trip.

    Each sees what was committed before it began, as if it had been sent alone, and holds its locks
    before the next begins. When one fails, those after it are not tried, and the transaction can
    only roll back.
    """

    session: AsyncSession
    asks: list[Ask[Any]] = field(default_factory=list)
    _answers: list[Answer[Any]] = field(default_factory=list)

    def add(self, ask: Ask[T]) -> Answer[T]:
        """Puts a statement last."""
        answer = Answer(ask)
        self.asks.append(ask)
        self._answers.append(answer)
        return answer

    async def send(self) -> None:
        """Sends what was added since it was last called; raises what a session would."""
        asks, answers = self.asks, self._answers
        self.asks, self._answers = [], []
        if not asks:
            return
        raw, info = await unbegun(self.session)
        try:
            # The protocol that takes several statements takes no parameters: they are quoted here.
            async with psycopg.AsyncClientCursor(raw, row_factory=namedtuple_row) as cursor:
                merged = [cursor.mogrify(_written(it.statement), it.given) for it in asks]
                first = beginning(info)
                await cursor.execute(";".join([*first, *merged]).encode())
                begun(info)
                for _ in first:
                    cursor.nextset()
                for answer in answers:
                    is_found = cursor.rownumber is not None
                    answer._rows = await cursor.fetchall() if is_found else ()
                    cursor.nextset()
        except psycopg.Error as error:
            if raw.closed:
                await (await self.session.connection()).invalidate(error)
            statement = ";".join(_written(it.statement).decode() for it in asks)
            raise failures.told(statement, _without_values(error), raw) from None


async def ask(session: AsyncSession, one: Ask[T]) -> T:
    """Sends one statement; returns what it found."""
    together = Together(session)
    answer = together.add(one)
    await together.send()
    return answer()


def _without_values(error: psycopg.Error) -> psycopg.Error:
    """The error without the piece of the statement it shows, since values are quoted there."""
    if error.diag.statement_position is None:
        return error
    return type(error)(error.diag.message_primary or "")


@lru_cache(1_024)
def _written(statement: Statement) -> bytes:
    """The statement as the driver wants it, `%(name)s` where a parameter goes."""
    return str(statement.compile(dialect=_DIALECT)).encode()


_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]
