"""What happened between a customer and a till, and whether it counts as a sale."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from chassis.errors import FieldViolation
from services.leads.domain import text
from services.leads.domain.fields import Checks

MAX_BATCH = 1_000
MAX_LINES = 200
_AHEAD = timedelta(days=1)
_CURRENCY = re.compile(r"[A-Z]{3}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_MOST = 2**53
# Words tills use for an order that did not happen, without accents.
CANCELLED = frozenset(
    {"cancelled", "canceled", "cancel", "void", "voided", "huy", "da huy", "bi huy"}
)


class Type(IntEnum):
    """What kind of transaction; orders and invoices are sales."""

    ORDER = 1
    INVOICE = 2
    PAYMENT = 3
    RETURN = 4


@dataclass(frozen=True)
class Line:
    """One line: `amount` in minor units of the transaction's currency, for the whole line."""

    product: str
    category: str
    quantity: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A transaction as another system tells it; `is_paid` also where `paid_time` is no time."""

    system: str = ""
    external_id: str = ""
    type: int = 0
    contact_id: str = ""
    contact_external_id: str = ""
    amount: int = 0
    currency: str = ""
    time: datetime | None = None
    shop: str = ""
    status: str = ""
    due_date: str = ""
    paid_time: datetime | None = None
    is_paid: bool = False
    lines: Sequence[Line] = ()


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """A transaction as stored; `contact_id` is the nil UUID until its contact is found."""

    id: UUID
    system: str
    external_id: str
    type: Type
    contact_id: UUID
    contact_external_id: str
    amount: int
    currency: str
    time: datetime
    shop: str
    status: str
    due_date: date | None = None
    paid_time: datetime | None = None
    lines: tuple[Line, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same transaction when told again."""
        return self.system, self.external_id

    @property
    def is_sale(self) -> bool:
        """An order or invoice that was not cancelled; payments and returns are none."""
        cancelled = text.fold(self.status) in CANCELLED
        return self.type in (Type.ORDER, Type.INVOICE) and not cancelled


def check(
    draft: Draft, *, new_id: UUID, now: datetime
) -> tuple[Transaction | None, list[FieldViolation]]:
    """Return the transaction, or None and what is wrong with it (`amount`, `lines[2].product`)."""
    checks = Checks()
    system = checks.line("system", draft.system, 40, required=True).lower()
    external_id = checks.line("external_id", draft.external_id, 200, required=True)
    kind = checks.needed("type", draft.type, Type)
    contact_id = checks.uuid("contact_id", draft.contact_id)
    if not draft.contact_id and not draft.contact_external_id:
        checks.wrong("contact_id", "is required unless contact_external_id is given")
    _amount(checks, "amount", draft.amount)
    currency = draft.currency or "VND"
    if not _CURRENCY.fullmatch(currency):
        checks.wrong("currency", 'is no currency such as "VND"')
    time = checks.time("time", draft.time)
    if time > now + _AHEAD:
        checks.wrong("time", "lies in the future")
    transaction = Transaction(
        id=new_id,
        system=system,
        external_id=external_id,
        type=kind,
        contact_id=contact_id or UUID(int=0),
        contact_external_id=checks.line("contact_external_id", draft.contact_external_id, 200),
        amount=draft.amount,
        currency=currency,
        time=time,
        shop=checks.line("shop", draft.shop, 120),
        status=checks.line("status", draft.status, 60),
        due_date=_due_date(checks, draft, kind),
        paid_time=_paid_time(checks, draft, kind, now),
        lines=_lines(checks, draft.lines),
    )
    return (None, checks.violations) if checks.violations else (transaction, [])


def _due_date(checks: Checks, draft: Draft, kind: Type) -> date | None:
    if not draft.due_date:
        return None
    if kind is not Type.INVOICE:
        checks.wrong("due_date", "is for an invoice only")
    try:
        if not _DATE.fullmatch(draft.due_date):
            raise ValueError(draft.due_date)
        due = date.fromisoformat(draft.due_date)
    except ValueError:
        checks.wrong("due_date", "is no day such as 2026-03-31")
        return None
    if not _FIRST_YEAR <= due.year <= _LAST_YEAR:
        checks.wrong("due_date", f"is not in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return due


def _paid_time(checks: Checks, draft: Draft, kind: Type, now: datetime) -> datetime | None:
    if not draft.is_paid:
        return None
    paid = checks.time("paid_time", draft.paid_time)
    if kind is not Type.INVOICE:
        checks.wrong("paid_time", "is for an invoice only")
    if paid > now + _AHEAD:
        checks.wrong("paid_time", "lies in the future")
    return paid


def _lines(checks: Checks, given: Sequence[Line]) -> tuple[Line, ...]:
    checks.at_most("lines", given, MAX_LINES)
    kept: list[Line] = []
    for place, line in enumerate(given[:MAX_LINES]):
        path = f"lines[{place}]"
        product = checks.line(f"{path}.product", line.product, 120, required=True)
        category = checks.line(f"{path}.category", line.category, 120)
        if line.quantity < 1:
            checks.wrong(f"{path}.quantity", "is less than 1")
        if abs(line.amount) > _MOST:
            checks.wrong(f"{path}.amount", "is too large")
        kept.append(Line(product, category, line.quantity, line.amount))
    return tuple(kept)


def _amount(checks: Checks, name: str, amount: int) -> None:
    if amount < 0:
        checks.wrong(name, "is negative")
    elif amount > _MOST:
        checks.wrong(name, "is too large")
