"""Recipients as PostgreSQL's binary COPY takes them.

Packed here because the driver, which asks of each value what it is, takes five times as long and
would be what bounds planning.
"""

import struct
from collections.abc import Callable
from datetime import date

from services.campaigns.domain.planning import Decision
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import ExclusionReason, RecipientState

COLUMNS = (
    "run_date",
    "run_id",
    "channel",
    "contact_id",
    "ordinal",
    "message_id",
    "state",
    "reason",
    "region",
    "address",
    "packed",
)
BEGIN = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
END = struct.pack(">h", -1)

_EPOCH = date(2000, 1, 1)
_NULL = struct.pack(">i", -1)
_UUID_SIZE = struct.pack(">i", 16)
_size = struct.Struct(">i").pack
_ordinal = struct.Struct(">iq").pack


def encoder(run: Run) -> Callable[[Decision, bytes], bytes]:
    """Return what packs a decision about one of the run's people into a row.

    It takes the decision, and the recipient as chunks carry it (empty for the excluded).
    """
    days = (run.run_date - _EPOCH).days
    start = struct.pack(">hii", len(COLUMNS), 4, days) + _UUID_SIZE + run.id.bytes
    start += _text(run.channel.value) + _UUID_SIZE
    planned = _text(RecipientState.PLANNED.value) + _text("")
    excluded = {
        reason: _NULL + _text(RecipientState.EXCLUDED.value) + _text(reason.value)
        for reason in ExclusionReason
    }
    regions: dict[str, bytes] = {}

    def encode(decision: Decision, packed: bytes) -> bytes:
        member, message_id, reason, region, _ = decision
        outcome = excluded[reason] if reason else _UUID_SIZE + (message_id or b"") + planned
        if region not in regions:
            regions[region] = _text(region)
        address = member.address.encode()
        return b"".join(
            (
                start,
                member.contact_id,
                _ordinal(8, member.ordinal),
                outcome,
                regions[region],
                _size(len(address)),
                address,
                _size(len(packed)),
                packed,
            )
        )

    return encode


def _text(text: str) -> bytes:
    data = text.encode()
    return _size(len(data)) + data
