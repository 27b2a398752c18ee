"""What lines come to, by integers alone.

Each line's net is rounded half up once, from the exact product of quantity, price and discount.
The tax is rounded half up once a rate, on the sum of the rate's lines. Everything else is a sum,
so that what is shown always adds up.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.interactions.domain import fields
from services.interactions.domain.fields import Problems

MOST_LINES = 200
LARGEST = 10**15
"""The most minor units of a line or a total; beyond it, doubles of other systems are not exact."""

_QUANTITY = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")
_THOUSAND, _WHOLE = 1_000, 10_000


class Vat(StrEnum):
    """A rate of value added tax."""

    NONE = "none"
    ZERO = "0"
    FIVE = "5"
    EIGHT = "8"
    TEN = "10"

    @property
    def percent(self) -> int:
        """The rate; 0 for what is not subject to it."""
        return 0 if self is Vat.NONE else int(self)


@dataclass(frozen=True)
class Line:
    """A line as it was given: `quantity` and `discount_percent` are decimals without noughts
    behind, money is minor units. At most one of the discounts is set.
    """

    description: str
    quantity: str
    unit: str
    unit_price: int
    discount_percent: str = ""
    discount_amount: int = 0
    vat: Vat = Vat.NONE


@dataclass(frozen=True)
class Priced:
    """A line and what it comes to; gross less discount is net."""

    line: Line
    gross: int
    discount: int
    net: int


@dataclass(frozen=True)
class Group:
    """What the lines of one rate come to, and the tax on them."""

    vat_rate: Vat
    net: int
    vat: int


@dataclass(frozen=True)
class Totals:
    """The sums; gross less discount is net, net and vat are the total."""

    gross: int = 0
    discount: int = 0
    net: int = 0
    vat: int = 0
    total: int = 0
    groups: tuple[Group, ...] = ()


def price(line: Line) -> Priced:
    """Returns what a sound line comes to."""
    exact = _scaled(line.quantity, _THOUSAND) * line.unit_price
    gross = _half_up(exact, _THOUSAND)
    if line.discount_percent:
        left = _WHOLE - _scaled(line.discount_percent, 100)
        net = _half_up(exact * left, _THOUSAND * _WHOLE)
    else:
        net = gross - line.discount_amount
    return Priced(line, gross, gross - net, net)


def total(priced: Iterable[Priced]) -> Totals:
    """Returns the sums of lines."""
    lines = list(priced)
    groups = []
    for rate in Vat:
        nets = [it.net for it in lines if it.line.vat is rate]
        if nets:
            groups.append(Group(rate, sum(nets), _half_up(sum(nets) * rate.percent, 100)))
    net, vat = sum(it.net for it in lines), sum(it.vat for it in groups)
    return Totals(
        gross=sum(it.gross for it in lines),
        discount=sum(it.discount for it in lines),
        net=net,
        vat=vat,
        total=net + vat,
        groups=tuple(groups),
    )


def checked(given: Sequence[Line], field: str, problems: Problems) -> list[Line]:
    """Returns the lines as they are kept, and notes each bad field of each."""
    if len(given) > MOST_LINES:
        problems.add(field, f"has more than {MOST_LINES}")
        return []
    before = problems.count
    made = [_line(line, f"{field}[{at}]", problems) for at, line in enumerate(given)]
    if problems.count == before:
        priced = [price(line) for line in made]
        for at, it in enumerate(priced):
            if it.gross > LARGEST:
                problems.add(f"{field}[{at}].unit_price", "comes to too much")
            elif it.net < 0:
                problems.add(f"{field}[{at}].discount_amount", "is more than the line")
        if problems.count == before and total(priced).total > LARGEST:
            problems.add(field, "come to too much")
    return made


def _line(given: Line, field: str, problems: Problems) -> Line:
    description = fields.text(
        given.description, f"{field}.description", 500, problems, required=True
    )
    unit = fields.text(given.unit, f"{field}.unit", 20, problems)
    quantity, percent = given.quantity.strip(), given.discount_percent.strip()
    if not _QUANTITY.fullmatch(quantity) or not _scaled(quantity, _THOUSAND):
        problems.add(f"{field}.quantity", "is no number above 0 with at most 3 decimal places")
    if percent and not _PERCENT.fullmatch(percent):
        problems.add(f"{field}.discount_percent", "is no number with at most 2 decimal places")
    elif percent and _scaled(percent, 100) > _WHOLE:
        problems.add(f"{field}.discount_percent", "is not between 0 and 100")
    for name in ("unit_price", "discount_amount"):
        amount = getattr(given, name)
        if amount < 0:
            problems.add(f"{field}.{name}", "is negative")
        elif amount > LARGEST:
            problems.add(f"{field}.{name}", "is too large")
    if percent and given.discount_amount:
        problems.add(f"{field}.discount_amount", "is given besides discount_percent")
    return Line(
        description,
        _plain(quantity),
        unit,
        given.unit_price,
        _plain(percent),
        given.discount_amount,
        given.vat,
    )


def _plain(text: str) -> str:
    """Returns a decimal without noughts that say nothing; "0" per cent is no discount."""
    whole, _, part = text.partition(".")
    plain = (whole.lstrip("0") or "0") + (f".{part.rstrip('0')}" if part.rstrip("0") else "")
    return "" if not text or plain == "0" else plain


def _scaled(text: str, by: int) -> int:
    """Returns a decimal times a power of ten, which makes it whole."""
    whole, _, part = text.partition(".")
    digits = len(str(by)) - 1
    return int(whole or 0) * by + int(part.ljust(digits, "0") or 0)


def _half_up(numerator: int, denominator: int) -> int:
    """Returns the quotient of what is not negative, halves upwards."""
    return (2 * numerator + denominator) // (2 * denominator)
