"""Which partitions statements touch, by the plans PostgreSQL makes with the very parameters."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db

WATCHING = "explained"
"""In a session's `info`: a coroutine that gets what is sent together, before it is sent."""
_OF_A_DAY = re.compile(r"^(?!past_|gone_).*_(\d{8})$")


class Explained:
    """Explains each statement of a session before it is executed; `days` is what each touches."""

    def __init__(self) -> None:
        self.days: list[tuple[str, set[str]]] = []

    def watch(self, session: AsyncSession) -> AsyncSession:
        """Has every statement of a session explained from now on."""
        execute, scalar = session.execute, session.scalar

        async def executing(statement: Any, given: Any = None, **kw: Any) -> Any:
            await self._explain(execute, statement, given)
            return await execute(statement, given, **kw)

        async def one(statement: Any, given: Any = None, **kw: Any) -> Any:
            await self._explain(execute, statement, given)
            return await scalar(statement, given, **kw)

        async def together(asks: Sequence[db.Ask[Any]]) -> None:
            for it in asks:
                await self._explain(execute, it.statement, it.given)

        session.execute, session.scalar = executing, one  # type: ignore[method-assign, assignment]
        session.info[WATCHING] = together
        return session

    async def _explain(self, execute: Any, statement: Any, given: Any) -> None:
        if not hasattr(statement, "text"):
            return
        # A day found by a subquery is known only while the statement runs: who reads is run.
        reads = statement.text.strip().startswith("SELECT")
        found = await execute(text(f"{explain(reads)} {statement.text}"), given)
        self.note(statement.text, found.scalar_one())

    def note(self, statement: str, plan: Any) -> None:
        """Keeps which days a plan, as EXPLAIN tells it, touches."""
        nodes = _nodes(json.loads(plan) if isinstance(plan, str) else plan)
        days = {
            match[1]
            for node in nodes
            if node.get("Actual Loops") != 0
            and (match := _OF_A_DAY.match(str(node.get("Relation Name", ""))))
        }
        if days:
            self.days.append((" ".join(statement.split())[:80], days))

    def beyond(self, day: str) -> list[tuple[str, set[str]]]:
        """The statements that touch another day."""
        return [it for it in self.days if it[1] != {day}]


def explain(reads: bool) -> str:
    """The beginning of a statement that explains another."""
    return f"EXPLAIN ({'ANALYZE, ' if reads else ''}FORMAT JSON)"


async def _explaining(together: db.Together) -> None:
    if watching := together.session.info.get(WATCHING):
        await watching(together.asks)
    await _send(together)


_send = db.Together.send
db.Together.send = _explaining  # type: ignore[method-assign, assignment]


def _nodes(plan: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(plan, dict):
        yield plan
        plan = list(plan.values())
    if isinstance(plan, list):
        for each in plan:
            yield from _nodes(each)
