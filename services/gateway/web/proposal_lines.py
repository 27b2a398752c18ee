"""Lines of a proposal in a form: a row each, numbers as people write them."""

import re
from collections.abc import Mapping, Sequence

from crm.interactions.v1 import proposal_pb2
from werkzeug.datastructures import MultiDict

from services.gateway.languages import Language
from services.gateway.web import desk, formats, names
from services.gateway.web.forms import Form

FIELDS = ("description", "quantity", "unit", "unit_price", "discount", "vat_rate")
INPUTS = tuple(f"line_{name}" for name in FIELDS)
BLANK = {**dict.fromkeys(FIELDS, ""), "quantity": "1", "vat_rate": "8"}
DEFAULTS = ("quantity", "vat_rate")
CURRENCIES = ("VND", "USD", "EUR", "JPY")
MOST = 200

_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def typed(values: "MultiDict[str, str]") -> list[dict[str, str]]:
    """Return the rows that hold something, as typed."""
    columns = {name: values.getlist(f"line_{name}") for name in FIELDS}
    rows = [
        {name: column[at].strip() if at < len(column) else "" for name, column in columns.items()}
        for at in range(max((len(it) for it in columns.values()), default=0))
    ]
    return [row for row in rows if any(row[name] for name in FIELDS if name not in DEFAULTS)]


def read(form: Form, currency: str) -> list[proposal_pb2.ProposalLine]:
    """Return the lines of a form, and note each number that is none."""
    return [_line(form, at, row, currency) for at, row in enumerate(typed(form.values)[: MOST + 1])]


def known(rows: int) -> list[str]:
    """Return the names by which complaints about lines reach their row."""
    cells = ("description", "quantity", "unit", "unit_price", "discount_percent", "discount_amount")
    return [f"lines[{at}].{name}" for at in range(rows) for name in cells]


def shown(lines: Sequence[proposal_pb2.ProposalLine], currency: str) -> list[dict[str, str]]:
    """Return stored lines as a form shows them."""
    language = desk.language()
    rows = []
    for it in lines:
        discount = ""
        if it.discount_percent:
            discount = f"{_written(it.discount_percent, language)}%"
        elif it.discount_amount:
            discount = _money(it.discount_amount, currency, language)
        rows.append(
            {
                "description": it.description,
                "quantity": _written(it.quantity, language),
                "unit": it.unit,
                "unit_price": _money(it.unit_price, currency, language),
                "discount": discount,
                "vat_rate": names.short(proposal_pb2.VatRate, it.vat_rate),
            }
        )
    return rows


def filled(rows: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return rows as values of a form."""
    return {f"line_{name}": [row[name] or " " for row in rows] for name in FIELDS}


def _line(form: Form, at: int, row: Mapping[str, str], currency: str) -> proposal_pb2.ProposalLine:
    vat = names.value(proposal_pb2.VatRate, row["vat_rate"])
    line = proposal_pb2.ProposalLine(
        description=row["description"],
        quantity=plain(row["quantity"], desk.language()),
        unit=row["unit"],
        unit_price=_minor(form, f"lines[{at}].unit_price", row["unit_price"], currency),
        vat_rate=proposal_pb2.VatRate.ValueType(vat),
    )
    if row["discount"].endswith("%"):
        line.discount_percent = plain(row["discount"][:-1].strip(), desk.language())
    elif row["discount"]:
        place = f"lines[{at}].discount_amount"
        line.discount_amount = _minor(form, place, row["discount"], currency)
    return line


def plain(text: str, language: Language) -> str:
    """Return a number as people write it ("1.250,5") as a plain decimal ("1250.5")."""
    thousands, point = (".", ",") if language == "vi" else (",", ".")
    return re.sub(r"\s", "", text).replace(thousands, "").replace(point, ".")


def _minor(form: Form, place: str, text: str, currency: str) -> int:
    """Return an amount in minor units; one that is none is noted."""
    digits = 0 if currency in formats.WITHOUT_MINOR_UNITS else 2
    number = plain(text, desk.language())
    whole, _, part = number.partition(".")
    if not _PLAIN.fullmatch(number) or len(part) > digits or len(whole) > 15:
        form.refuse(place, desk.t("proposals.no_amount"))
        return 0
    return int(whole + part.ljust(digits, "0"))


def _written(decimal: str, language: Language) -> str:
    return decimal.replace(".", ",") if language == "vi" else decimal


def _money(minor_units: int, currency: str, language: Language) -> str:
    return formats.money(language, minor_units, currency).rpartition(" ")[0]
