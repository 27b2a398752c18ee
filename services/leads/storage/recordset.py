"""Rows written set-based: one statement with one JSON parameter, however many rows."""

from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

Row = Mapping[str, object]


def insert_statement(
    table: str,
    columns: Sequence[str],
    *,
    folded: Sequence[str] = (),
    on_conflict: str = "",
) -> TextClause:
    """Return an INSERT of all rows in `:rows`; `folded` columns pass through fold().

    PostgreSQL reads each value by the type its column has, so there is one place for types.
    """
    values = ", ".join(f"fold(r.{it})" if it in folded else f"r.{it}" for it in columns)
    names = ", ".join(columns)
    return text(
        f"INSERT INTO {table} ({names}) SELECT {values} "  # noqa: S608 (our own names)
        f"FROM json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json)) AS r "
        f"{on_conflict}"
    )


def update_statement(
    table: str, columns: Sequence[str], *, folded: Sequence[str] = ()
) -> TextClause:
    """Return an UPDATE of `columns` of all rows in `:rows`, found by id."""
    sets = ", ".join(f"{it} = fold(r.{it})" if it in folded else f"{it} = r.{it}" for it in columns)
    return text(
        f"UPDATE {table} AS t SET {sets} "  # noqa: S608 (our own names)
        f"FROM json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json)) AS r "
        "WHERE t.id = r.id"
    )


async def run(session: AsyncSession, statement: TextClause, rows: Sequence[Row]) -> int:
    """Run a statement of this module; returns how many rows it wrote."""
    if not rows:
        return 0
    done = await session.execute(statement, {"rows": dumps(rows)})
    return int(done.rowcount)  # type: ignore[attr-defined]


def dumps(value: object) -> str:
    """JSON with ids and times as PostgreSQL reads them."""
    return orjson.dumps(value).decode()
