"""Templates of proposals: blocks of text with variables, and where the prices stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chassis.attachments import Attachment
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems

RESOURCE = "proposal_template"
LONGEST_NAME, LONGEST_HEADING, LONGEST_TEXT = 120, 200, 20_000
MOST_BLOCKS = 50

SAMPLE: Mapping[str, str] = {
    "salutation": "Chị",
    "family_name": "Nguyễn",
    "given_name": "Thị Minh Khai",
    "display_name": "Nguyễn Thị Minh Khai",
    "company": "Công ty Mẫu",
    "job_title": "Giám đốc",
    "email": "minh.khai@example.vn",
    "phone": "+84912345678",
    "reference_code": "KH000001",
    "recipient_name": "Nguyễn Thị Minh Khai",
    "number": "BG-2026-00001",
    "title": "Báo giá mẫu",
    "date": "01/11/2026",
    "valid_until": "30/11/2026",
    "total": "1.250.000 ₫",
}
"""Every variable that a template may use, with a value to show it by."""


class Kind(StrEnum):
    """What a block holds."""

    TEXT = "text"
    PRICES = "prices"


@dataclass(frozen=True)
class Block:
    """A part of a template; heading and text are templates themselves."""

    kind: Kind
    heading: str = ""
    text: str = ""


@dataclass(frozen=True)
class Template:
    """One version of a template."""

    id: UUID
    revision: int
    name: str
    blocks: tuple[Block, ...]
    version: int
    author_id: str
    create_time: datetime
    update_time: datetime
    attachments: tuple[Attachment, ...] = ()


def name(given: str, field: str, problems: Problems) -> str:
    """Returns the name to keep."""
    return fields.text(given, field, LONGEST_NAME, problems, required=True)


def blocks(given: Sequence[Block], field: str, problems: Problems) -> list[Block]:
    """Returns the blocks to keep, and notes what is wrong with each."""
    if not given:
        problems.add(field, "is required")
    if len(given) > MOST_BLOCKS:
        problems.add(field, f"has more than {MOST_BLOCKS}")
        return []
    if sum(1 for it in given if it.kind is Kind.PRICES) > 1:
        problems.add(field, "has more than one table of prices")
    made = []
    for at, it in enumerate(given):
        heading = fields.text(it.heading, f"{field}[{at}].heading", LONGEST_HEADING, problems)
        text = fields.text(it.text, f"{field}[{at}].text", LONGEST_TEXT, problems)
        made.append(Block(it.kind, heading, text))
    return made
