"""An import and its ledger: states, what a person may ask of it, and what became of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from chassis.errors import FailedPrecondition
from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.fields import Checks
from services.leads.domain.files import headers
from services.leads.domain.files.shape import Shape

MAX_FILE_BYTES = 200 * 1024 * 1024
MAX_TAGS = 10
BATCH_ROWS = 1_000


class State(IntEnum):
    """Where an import stands."""

    UPLOADED = 1
    CHECKING = 2
    CHECKED = 3
    RUNNING = 4
    COMPLETED = 5
    FAILED = 6


class Outcome(IntEnum):
    """What became of a row."""

    CREATED = 1
    UPDATED = 2
    SKIPPED = 3
    REJECTED = 4


_STARTS = frozenset({State.UPLOADED, State.CHECKED, State.FAILED})


@dataclass(frozen=True, kw_only=True)
class Consent:
    """The consent that the rows of a file stand for."""

    advertiser_id: UUID
    purposes: tuple[Purpose, ...]
    channels: tuple[Channel, ...]
    evidence: str = ""


@dataclass(frozen=True)
class Ledger:
    """Counts of outcomes; `rows` is their sum."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    rejected: int = 0


@dataclass(frozen=True, kw_only=True)
class Import:
    """A file on its way into contacts."""

    id: UUID
    state: State
    file_name: str
    file_size: int
    shape: Shape
    create_time: datetime
    creator: str
    source_id: UUID | None = None
    consent: Consent | None = None
    tags: tuple[str, ...] = ()
    dry_run: bool = False
    total_rows: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    failure: str = ""
    fence: int = 0
    end_time: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Row:
    """One row's line in the ledger; `field`, `reason` and `detail` say why it was not taken.

    Nobody changes it; but to freeze what is made for every row costs an import time.
    """

    number: int
    outcome: Outcome
    field: str = ""
    reason: str = ""
    detail: str = ""
    contact_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class ConsentDraft:
    """A consent as somebody asked for it."""

    advertiser_id: str
    purposes: Sequence[int]
    channels: Sequence[int]
    evidence: str


@dataclass(frozen=True, kw_only=True)
class StartDraft:
    """How somebody wants an import to run; no mapping means as suggested."""

    mapping: Mapping[str, str]
    dry_run: bool
    source_id: str
    consent: ConsentDraft | None
    tags: Sequence[str]


def start(current: Import, draft: StartDraft) -> Import:
    """Return the import as it begins to run, or to be checked.

    Raises `InvalidArgument` naming each bad field, `FailedPrecondition` for an import that runs
    or has run.
    """
    to = State.CHECKING if draft.dry_run else State.RUNNING
    if current.state not in _STARTS:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            f"an import that is {current.state.name} cannot be started",
            resource="import",
            state=current.state.name,
            to=to.name,
        )
    checks = Checks()
    shape = _mapped(checks, current.shape, draft.mapping)
    consent = _consent(checks, draft.consent)
    source_id = checks.uuid("source_id", draft.source_id)
    checks.at_most("tags", draft.tags, MAX_TAGS)
    tags = [checks.line(f"tags[{n}]", tag, 60, required=True) for n, tag in enumerate(draft.tags)]
    checks.finish()
    return replace(
        current,
        state=to,
        shape=shape,
        consent=consent,
        source_id=source_id,
        tags=tuple(dict.fromkeys(tags)),
        dry_run=draft.dry_run,
        ledger=Ledger(),
        failure="",
        end_time=None,
    )


def _mapped(checks: Checks, shape: Shape, mapping: Mapping[str, str]) -> Shape:
    """Return the shape with the fields that somebody gave its columns."""
    if not mapping or shape.kind == "vcard":
        return shape
    for place, (column, name) in enumerate(mapping.items()):
        if column not in shape.columns:
            checks.wrong(f"mapping[{place}].column", "is no column of the file")
        if name and name not in headers.FIELDS:
            checks.wrong(f"mapping[{place}].field", "is no field of contacts")
    fields = tuple(mapping.get(column, "") for column in shape.columns)
    for name in {it for it in fields if it and it not in headers.MANY and fields.count(it) > 1}:
        checks.wrong("mapping", f"gives {name} to several columns")
    if not any(fields):
        checks.wrong("mapping", "imports no column")
    return replace(shape, fields=fields)


def _consent(checks: Checks, draft: ConsentDraft | None) -> Consent | None:
    if draft is None:
        return None
    advertiser_id = checks.id("consent.advertiser_id", draft.advertiser_id)
    purposes = [checks.needed("consent.purposes", it, Purpose) for it in draft.purposes]
    channels = [checks.needed("consent.channels", it, Channel) for it in draft.channels]
    for name, given in (("purposes", draft.purposes), ("channels", draft.channels)):
        if not given:
            checks.wrong(f"consent.{name}", "is needed")
    return Consent(
        advertiser_id=advertiser_id,
        purposes=tuple(sorted(set(purposes))),
        channels=tuple(sorted(set(channels))),
        evidence=checks.line("consent.evidence", draft.evidence, 500),
    )
