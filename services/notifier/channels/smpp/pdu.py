"""PDUs of SMPP 3.4: framing, the few we write by hand, and receipts."""

import asyncio
import re
import struct
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import smpp34

from services.notifier.domain.states import State
from services.notifier.domain.work import Outgoing

BIND_TRANSCEIVER = 0x00000009
SUBMIT_SM = 0x00000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
ENQUIRE_LINK = 0x00000015
GENERIC_NACK = 0x80000000
RESPONSE = 0x80000000

OK = 0x00
THROTTLED = frozenset({0x14, 0x58})  # queue full, throttled
TRANSIENT = THROTTLED | {0x08, 0x64}  # system error, temporary application error
BAD_ADDRESS = frozenset({0x0B, 0x50, 0x51})
TRY_LATER = 0x64  # ESME_RX_T_APPN

TLV_MESSAGE_ID = 0x1501  # vendor's: our own message id, 16 bytes
TLV_RECEIPTED_MESSAGE_ID = 0x001E
TLV_MESSAGE_STATE = 0x0427

_HEADER = struct.Struct(">IIII")
_LONGEST = 64 * 1024
_RECEIPT = 0x04
_UDHI = 0x40
_UCS2 = 8
_ID = re.compile(r"id:\s*([^\s]+)", re.IGNORECASE)
_STAT = re.compile(r"stat:\s*([A-Za-z]+)", re.IGNORECASE)
_ENDS = {
    "DELIVRD": State.DELIVERED,
    "EXPIRED": State.BOUNCED,
    "DELETED": State.BOUNCED,
    "UNDELIV": State.BOUNCED,
    "REJECTD": State.BOUNCED,
}
_END_NUMBERS = {2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 8: "REJECTD"}

IdForm = Literal["same", "receipt_decimal", "receipt_hex"]


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU as it came."""

    command: int
    status: int
    sequence: int
    body: bytes
    raw: bytes

    def text(self) -> str:
        """The first C-string of the body: the message id of a submit_sm_resp."""
        return self.body.partition(b"\x00")[0].decode("latin-1")


@dataclass(frozen=True, slots=True)
class ReceiptIn:
    """A delivery receipt: the provider's id, the end it tells of and, if given back, our id."""

    reference: str
    state: State
    detail: str
    message_id: UUID | None


@dataclass(frozen=True, slots=True)
class ReplyIn:
    """What a person wrote back: from their number, to a sender's name or number."""

    number: str
    to: str
    text: str


async def read(reader: asyncio.StreamReader) -> Pdu:
    """The next PDU; raises `ValueError` when the length is nonsense, or as the reader does."""
    head = await reader.readexactly(16)
    length, command, status, sequence = _HEADER.unpack(head)
    if not 16 <= length <= _LONGEST:
        raise ValueError("length")
    body = await reader.readexactly(length - 16)
    return Pdu(command, status, sequence, body, head + body)


def simple(command: int, sequence: int, status: int = OK, body: bytes = b"") -> bytes:
    """A PDU with a ready body."""
    return _HEADER.pack(16 + len(body), command, status, sequence) + body


def bind(sequence: int, system_id: str, password: str) -> bytes:
    """A bind_transceiver of interface version 3.4."""
    body = system_id.encode()[:15] + b"\x00" + password.encode()[:8] + b"\x00"
    return simple(BIND_TRANSCEIVER, sequence, body=body + b"\x00\x34\x00\x00\x00")


def submit(message: Outgoing, part: int, sequence: int) -> bytes:
    """A submit_sm of one part, with our id in the vendor TLV and a receipt asked for."""
    prepared = message.prepared
    sender = prepared.sender
    is_number = sender.lstrip("+").isdigit()
    pdu = smpp34.SubmitSm(
        sender.lstrip("+"),
        prepared.claimed.address.lstrip("+"),
        prepared.parts[part],
        source_addr_ton=1 if is_number else 5,
        source_addr_npi=1 if is_number else 0,
        dest_addr_ton=1,
        dest_addr_npi=1,
        esm_class=_UDHI if prepared.joined else 0,
        registered_delivery=1,
        data_coding=prepared.data_coding,
        tlvs=[smpp34.Tlv(TLV_MESSAGE_ID, prepared.claimed.key.message_id.bytes)],
        sequence_number=sequence,
    )
    return pdu.encode()


def receipt(raw: bytes, form: IdForm) -> ReceiptIn | None:
    """The receipt in a deliver_sm; None for another message or a state that is no end.

    Raises `smpp34.SmppError` for bytes that are no deliver_sm.
    """
    pdu = smpp34.decode(raw)
    if not isinstance(pdu, smpp34.DeliverSm) or pdu.esm_class & 0x3C != _RECEIPT:
        return None
    tlvs = {it.tag: it.value for it in pdu.tlvs}
    text = bytes(pdu.short_message).decode("latin-1")
    found, stat = _ID.search(text), _STAT.search(text)
    given = bytes(tlvs.get(TLV_RECEIPTED_MESSAGE_ID, b"")).rstrip(b"\x00").decode("latin-1")
    reference = given or (found.group(1) if found else "")
    number = bytes(tlvs.get(TLV_MESSAGE_STATE, b"\x00"))
    said = _END_NUMBERS.get(number[0] if number else 0) or (stat.group(1).upper() if stat else "")
    end = _ENDS.get(said[:7])
    if not reference or end is None:
        return None
    ours = bytes(tlvs.get(TLV_MESSAGE_ID, b""))
    return ReceiptIn(
        reference=canonical(reference, form if not given else "same"),
        state=end,
        detail=said,
        message_id=UUID(bytes=ours) if len(ours) == 16 else None,
    )


def reply(raw: bytes) -> ReplyIn | None:
    """What a person wrote, in a deliver_sm; None for a receipt or what is no text.

    Raises `smpp34.SmppError` for bytes that are no deliver_sm.
    """
    pdu = smpp34.decode(raw)
    if not isinstance(pdu, smpp34.DeliverSm) or pdu.esm_class & 0x3C:
        return None
    data = bytes(pdu.short_message)
    if pdu.esm_class & _UDHI and data:
        data = data[1 + data[0] :]
    if pdu.data_coding == _UCS2:
        text = data.decode("utf-16-be", "replace")
    else:
        # The words that matter are ASCII, which all other codings share.
        text = data.decode("latin-1")
    number = "+" + pdu.source_addr.lstrip("+")
    return ReplyIn(number, pdu.destination_addr, text)


def canonical(reference: str, form: IdForm = "same") -> str:
    """An id as we compare it: lower case, no leading zeros, as the response wrote it.

    Some providers answer in hexadecimal and send receipts in decimal, or the other way round.
    """
    text = reference.strip().lower()
    try:
        if form == "receipt_decimal":
            text = f"{int(text):x}"
        elif form == "receipt_hex":
            text = str(int(text, 16))
    except ValueError:
        return text
    return text.lstrip("0") or "0"
