"""Transactions fed from tills, shops and ledgers."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.leads.domain.transaction import Line, Transaction, Type
from services.leads.storage import recordset
from services.leads.storage.tables import transaction_lines, transactions

Key = tuple[object, ...]


async def lock(
    session: AsyncSession, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Transaction]:
    """Return stored transactions by (system, external id), locked for update in that order."""
    rows = [{"system": system, "external_id": external_id} for system, external_id in keys]
    found = (await session.execute(_LOCK, {"rows": recordset.dumps(rows)})).all()
    lines = await _lines(session, [it.id for it in found])
    return {(it.system, it.external_id): _transaction(it, lines) for it in found}


async def insert(session: AsyncSession, new: Sequence[Transaction]) -> set[UUID]:
    """Store new transactions and return the ids of those that nobody stored meanwhile."""
    if not new:
        return set()
    rows = recordset.dumps([_row(it) for it in new])
    stored = set(await session.scalars(_INSERT, {"rows": rows}))
    await _store_lines(session, [it for it in new if it.id in stored])
    return stored


async def update(session: AsyncSession, changed: Sequence[Transaction]) -> None:
    """Write transactions that the caller has locked."""
    await recordset.run(session, _UPDATE, [_row(it) for it in changed])
    ids = [it.id for it in changed]
    await session.execute(
        delete(transaction_lines).where(transaction_lines.c.transaction_id.in_(ids))
    )
    await _store_lines(session, changed)


async def page(
    session: AsyncSession, contact_id: UUID, page: Page
) -> tuple[list[Transaction], Key | None]:
    """Return a page of a contact's transactions, newest first, and where the next one starts."""
    c = transactions.c
    query = select(transactions).where(c.contact_id == contact_id)
    query = query.order_by(c.time.desc(), c.id.desc())
    if page.after:
        query = query.where(tuple_(c.time, c.id) < page.after)
    rows = (await session.execute(query.limit(page.size + 1))).all()
    lines = await _lines(session, [it.id for it in rows[: page.size]])
    shown = [_transaction(it, lines) for it in rows[: page.size]]
    return shown, ((shown[-1].time, shown[-1].id) if len(rows) > page.size else None)


async def _store_lines(session: AsyncSession, stored: Sequence[Transaction]) -> None:
    rows = [
        {"transaction_id": it.id, "ordinal": place, **vars(line)}
        for it in stored
        for place, line in enumerate(it.lines)
    ]
    await recordset.run(session, _INSERT_LINES, rows)


async def _lines(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, list[Line]]:
    c = transaction_lines.c
    query = select(transaction_lines).where(c.transaction_id.in_(ids))
    found: dict[UUID, list[Line]] = {}
    for it in await session.execute(query.order_by(c.transaction_id, c.ordinal)) if ids else ():
        line = Line(it.product, it.category, it.quantity, it.amount)
        found.setdefault(it.transaction_id, []).append(line)
    return found


def _row(it: Transaction) -> dict[str, object]:
    values = {name: value for name, value in vars(it).items() if name != "lines"}
    return {**values, "is_sale": it.is_sale}


def _transaction(it: Any, lines: dict[UUID, list[Line]]) -> Transaction:
    return Transaction(
        id=it.id,
        system=it.system,
        external_id=it.external_id,
        type=Type(it.type),
        contact_id=it.contact_id,
        contact_external_id=it.contact_external_id,
        amount=it.amount,
        currency=it.currency,
        time=it.time,
        shop=it.shop,
        status=it.status,
        due_date=it.due_date,
        paid_time=it.paid_time,
        lines=tuple(lines.get(it.id, ())),
    )


_COLUMNS = [it.name for it in transactions.columns if it.name not in ("create_time", "update_time")]
_ROWS = "json_populate_recordset(CAST(NULL AS transactions), CAST(:rows AS json))"
_LOCK = text(f"""
    SELECT t.* FROM {_ROWS} AS r
    JOIN transactions AS t USING (system, external_id)
    ORDER BY t.system, t.external_id
    FOR UPDATE OF t
""")  # noqa: S608 (our own names)
_INSERT = recordset.insert_statement(
    "transactions",
    _COLUMNS,
    on_conflict="ON CONFLICT (system, external_id) DO NOTHING RETURNING id",
)
_UPDATE = recordset.update_statement(
    "transactions",
    [it for it in _COLUMNS if it not in ("id", "system", "external_id")],
)
_INSERT_LINES = recordset.insert_statement(
    "transaction_lines", [it.name for it in transaction_lines.columns]
)
