"""Recipients as PostgreSQL's binary COPY takes them.

Packed here because the driver, which asks of each value what it is, takes five times as long and
would be what bounds planning.
"""

import struct
from datetime import date

from services.campaigns.domain.planning import Decisions
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import ExclusionReason, RecipientState

COLUMNS = (
    "run_date",
    "run_id",
    "channel",
    "region",
    "state",
    "reason",
    "contact_id",
    "ordinal",
    "message_id",
    "address",
)
BEGIN = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
END = struct.pack(">h", -1)

_EPOCH = date(2000, 1, 1)
# Each value after its size; -1 is NULL. What stands in the middle of each row has one size.
_planned = struct.Struct(">i16siqi16si").pack
_excluded = struct.Struct(">i16siqii").pack


def rows(run: Run, decisions: Decisions) -> list[bytes]:
    """Return a row for each of the people."""
    people, message_ids, reasons, regions, _ = decisions
    heads = _Heads(run)
    made = []
    ordinal = people.first_ordinal - 1
    for contact_id, message_id, reason, region, written in zip(
        people.contact_ids, message_ids, reasons, regions, people.addresses, strict=True
    ):
        ordinal += 1
        address = written.encode()
        head = heads[region, reason]
        if message_id is not None:
            middle = _planned(16, contact_id, 8, ordinal, 16, message_id, len(address))
        else:
            middle = _excluded(16, contact_id, 8, ordinal, -1, len(address))
        made.append(head + middle + address)
    return made


class _Heads(dict[tuple[str, ExclusionReason | None], bytes]):
    """How the rows of a run begin, by region and reason."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        days = (run.run_date - _EPOCH).days
        begin = struct.pack(">hiii16s", len(COLUMNS), 4, days, 16, run.id.bytes)
        self._begin = begin + _text(run.channel.value)

    def __missing__(self, key: tuple[str, ExclusionReason | None]) -> bytes:
        region, reason = key
        state = RecipientState.PLANNED if reason is None else RecipientState.EXCLUDED
        made = self._begin + _text(region) + _text(state.value) + _text(reason or "")
        self[key] = made
        return made


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">i", len(data)) + data
