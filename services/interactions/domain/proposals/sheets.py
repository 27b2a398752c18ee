"""A proposal as it looks: every text ready to be shown, and nothing but texts.

A sheet is plain data, kept with what was sent, so that page and PDF never change afterwards.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from services.interactions.domain.proposals import money, pricing
from services.interactions.domain.proposals.pricing import Line, Priced, Totals, Vat
from services.interactions.domain.proposals.proposals import Proposal
from services.interactions.domain.proposals.templates import SAMPLE, Block, Kind

Sheet = Mapping[str, Any]

LABELS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "number": "Số",
        "date": "Ngày",
        "valid_until": "Hiệu lực đến",
        "recipient": "Kính gửi",
        "draft": "Bản nháp",
        "place": "STT",
        "description": "Nội dung",
        "quantity": "Số lượng",
        "price": "Đơn giá",
        "discount": "Giảm giá",
        "vat": "Thuế GTGT",
        "net": "Thành tiền",
        "gross": "Cộng",
        "before_vat": "Cộng trước thuế",
        "vat_at": "Thuế GTGT {rate} %",
        "vat_none": "Không chịu thuế GTGT",
        "total": "Tổng cộng",
    },
    "en": {
        "number": "No.",
        "date": "Date",
        "valid_until": "Valid until",
        "recipient": "For",
        "draft": "Draft",
        "place": "#",
        "description": "Description",
        "quantity": "Quantity",
        "price": "Unit price",
        "discount": "Discount",
        "vat": "VAT",
        "net": "Amount",
        "gross": "Sum",
        "before_vat": "Before VAT",
        "vat_at": "VAT {rate} %",
        "vat_none": "Not subject to VAT",
        "total": "Total",
    },
}


def variables(
    proposal: Proposal, person: Mapping[str, str], today: date, recipient: str
) -> dict[str, str]:
    """Returns the values of a template's variables."""
    return {
        **person,
        "recipient_name": recipient,
        "number": proposal.number,
        "title": proposal.title,
        "date": day(today, proposal.locale),
        "valid_until": day(proposal.valid_until, proposal.locale),
        "total": money.shown(proposal.totals.total, proposal.currency, proposal.locale),
    }


def made(
    proposal: Proposal,
    blocks: Sequence[Block],
    priced: Sequence[Priced],
    values: Mapping[str, str],
) -> Sheet:
    """Returns the sheet of a proposal whose blocks were rendered.

    Prices stand where their block is, and last where there is none.
    """
    locale = proposal.locale
    return {
        "locale": locale,
        "labels": dict(LABELS[locale]),
        "number": proposal.number or LABELS[locale]["draft"],
        "title": proposal.title,
        "date": values["date"],
        "valid_until": values["valid_until"],
        "recipient": values.get("recipient_name", ""),
        "company": values.get("company", ""),
        "blocks": _shown(blocks),
        "rows": [_row(at, it, proposal.currency, locale) for at, it in enumerate(priced, start=1)],
        "sums": _sums(proposal.totals, proposal.currency, locale),
        "total": values["total"],
    }


def sample(blocks: Sequence[Block]) -> Sheet:
    """Returns the sheet that a template is shown by: sample values, two sample lines."""
    lines = [Line("Dịch vụ A", "2", "giờ", 500_000, vat=Vat.EIGHT), Line("B", "1", "", 120_000)]
    priced = [pricing.price(line) for line in lines]
    return {
        "locale": "vi",
        "labels": dict(LABELS["vi"]),
        **{name: SAMPLE[name] for name in ("number", "title", "date", "valid_until", "company")},
        "recipient": SAMPLE["recipient_name"],
        "blocks": _shown(blocks),
        "rows": [_row(at, it, "VND", "vi") for at, it in enumerate(priced, start=1)],
        "sums": _sums(pricing.total(priced), "VND", "vi"),
        "total": SAMPLE["total"],
    }


def paragraphs(text: str) -> list[list[str]]:
    """Returns the lines of each paragraph; an empty line ends one."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            found[-1].append(line.strip())
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


def day(value: date, locale: str) -> str:
    """Returns 05/09/2026 or 2026-09-05."""
    return f"{value:%d/%m/%Y}" if locale == "vi" else value.isoformat()


def _shown(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = [
        {"kind": it.kind.value, "heading": it.heading, "paragraphs": paragraphs(it.text)}
        for it in blocks
    ]
    if all(it.kind is not Kind.PRICES for it in blocks):
        shown.append({"kind": Kind.PRICES.value, "heading": "", "paragraphs": []})
    return shown


def _row(place: int, it: Priced, currency: str, locale: str) -> dict[str, str]:
    line = it.line
    discount = money.shown(it.discount, currency, locale) if it.discount else ""
    if line.discount_percent:
        discount = f"{money.decimal(line.discount_percent, locale)} %"
    return {
        "place": str(place),
        "description": line.description,
        "quantity": f"{money.decimal(line.quantity, locale)} {line.unit}".strip(),
        "price": money.shown(line.unit_price, currency, locale),
        "discount": discount,
        "vat": "–" if line.vat is Vat.NONE else f"{line.vat.percent} %",
        "net": money.shown(it.net, currency, locale),
    }


def _sums(totals: Totals, currency: str, locale: str) -> list[dict[str, str]]:
    labels = LABELS[locale]

    def line(label: str, amount: int) -> dict[str, str]:
        return {"label": label, "value": money.shown(amount, currency, locale)}

    sums = []
    if totals.discount:
        sums.append(line(labels["gross"], totals.gross))
        sums.append(line(labels["discount"], -totals.discount))
    sums.append(line(labels["before_vat"], totals.net))
    for group in totals.groups:
        if group.vat_rate is not Vat.NONE:
            sums.append(line(labels["vat_at"].format(rate=group.vat_rate.percent), group.vat))
    return [*sums, line(labels["total"], totals.total)]
