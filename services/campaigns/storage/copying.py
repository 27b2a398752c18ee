"""Recipients as PostgreSQL's binary COPY takes them.

Packed here because the driver, which asks of each value what it is, takes five times as long and
would be what bounds planning.
"""

import struct
from collections.abc import Callable, Sequence
from datetime import date

from services.campaigns.domain.planning import Decision
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import RecipientState

COLUMNS = (
    "run_date",
    "run_id",
    "channel",
    "contact_id",
    "message_id",
    "state",
    "reason",
    "region",
    "time_zone",
    "locale",
    "address",
    "address_key",
    "values",
)
BEGIN = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
END = struct.pack(">h", -1)

_EPOCH = date(2000, 1, 1)
_TEXT_OID = 25
_NULL = struct.pack(">i", -1)
_UUID_SIZE = struct.pack(">i", 16)
_EMPTY_ARRAY = struct.pack(">iiii", 12, 0, 0, _TEXT_OID)
_size = struct.Struct(">i").pack
_array = struct.Struct(">iiiiii").pack


def encoder(run: Run) -> Callable[[Decision], bytes]:
    """Return what packs a decision about one of the run's people into a row."""
    days = (run.run_date - _EPOCH).days
    start = struct.pack(">hii", len(COLUMNS), 4, days) + _UUID_SIZE + run.id.bytes
    start += _text(run.channel.value) + _UUID_SIZE
    planned = _text(RecipientState.PLANNED.value) + _text("")
    seen: dict[str, bytes] = {}

    def often(text: str) -> bytes:
        """Pack one of few texts, once."""
        packed = seen.get(text)
        if packed is None:
            packed = seen[text] = _text(text)
        return packed

    def encode(decision: Decision) -> bytes:
        member, message_id, reason, region, values = decision
        if reason is None and message_id is not None:
            outcome = _UUID_SIZE + message_id + planned
        else:
            outcome = _NULL + often(RecipientState.EXCLUDED) + often(reason or "")
        return b"".join(
            (
                start,
                member.contact_id,
                outcome,
                often(region),
                often(member.time_zone),
                often(member.locale),
                _text(member.address),
                _text(member.address_key),
                _texts(values),
            )
        )

    return encode


def _text(text: str) -> bytes:
    data = text.encode()
    return _size(len(data)) + data


def _texts(values: Sequence[str]) -> bytes:
    packed = [_text(value) for value in values]
    if not packed:
        return _EMPTY_ARRAY
    body = b"".join(packed)
    return _array(20 + len(body), 1, 0, _TEXT_OID, len(packed), 1) + body
