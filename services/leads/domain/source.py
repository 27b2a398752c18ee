"""Where contacts come from, and the stages they go through, as people write them."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.leads.domain.contact import Status
from services.leads.domain.fields import Checks

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source of contacts; a retired one keeps its figures and takes no new contact."""

    id: UUID
    revision: int
    name: str
    code: str = ""
    retire_time: datetime | None = None
    create_time: datetime


def check_source(name: str, code: str) -> tuple[str, str]:
    """Return name and code as stored; raises `InvalidArgument` naming each bad field."""
    checks = Checks("source.")
    name = checks.line("name", name, 80, required=True)
    if code and not _CODE.fullmatch(code):
        checks.wrong("code", "is no code: small letters, digits, - and _, at most 40")
    checks.finish()
    return name, code


@dataclass(frozen=True, kw_only=True)
class StageDraft:
    """A life stage as somebody wrote it; position 0 means after the last."""

    name: str
    position: int = 0
    color: str = ""
    probability: int = 0
    implied_status: int = 0


def check_stage(draft: StageDraft) -> tuple[StageDraft, Status | None]:
    """Return the draft cleaned and the status it implies; raises naming each bad field."""
    checks = Checks("life_stage.")
    name = checks.line("name", draft.name, 80, required=True)
    if draft.color and not _COLOR.fullmatch(draft.color):
        checks.wrong("color", 'is no colour such as "#1a2b3c"')
    if not 0 <= draft.position <= 1_000:
        checks.wrong("position", "is not between 1 and 1,000")
    if not 0 <= draft.probability <= 100:
        checks.wrong("probability", "is not between 0 and 100")
    implied = checks.choice("implied_status", draft.implied_status, Status)
    checks.finish()
    kept = StageDraft(
        name=name,
        position=draft.position,
        color=draft.color.lower(),
        probability=draft.probability,
        implied_status=draft.implied_status,
    )
    return kept, implied
