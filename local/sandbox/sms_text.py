"""What the bytes of a submit_sm say: its text, its place in a long message, its message id."""

import codecs
import string
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import gsm0338
from smpp34 import Tlv

TLV_SAR_TOTAL_SEGMENTS = 0x020E
TLV_SAR_SEGMENT_SEQNUM = 0x020F
TLV_MESSAGE_PAYLOAD = 0x0424
TLV_MESSAGE_ID = 0x1501  # of the vendor range: 16 bytes, the sender's own key of the message
USER_DATA_HEADER = 0x40  # bit of esm_class
CONCATENATED_8_BIT_REFERENCE = 0x00
CONCATENATED_16_BIT_REFERENCE = 0x08
CODECS = {1: "ascii", 3: "latin-1", 8: "utf-16-be"}
SAME_IN_ASCII = (string.ascii_letters + string.digits + " \r\n!\"#%&'()*+,-./:;<=>?").encode()

_gsm = gsm0338.Codec()


@dataclass(frozen=True, slots=True)
class Segment:
    """One submit_sm, read."""

    text: str
    part: int
    parts: int
    message_id: str


def read(short_message: bytes, esm_class: int, data_coding: int, tlvs: Sequence[Tlv]) -> Segment:
    """Read one submit_sm; what cannot be decoded shows as replacement characters."""
    values = {tlv.tag: tlv.value for tlv in tlvs}
    body = short_message or values.get(TLV_MESSAGE_PAYLOAD, b"")
    part, parts = 1, 1
    if esm_class & USER_DATA_HEADER and body:
        header, body = body[1 : 1 + body[0]], body[1 + body[0] :]
        part, parts = _place(header)
    elif TLV_SAR_TOTAL_SEGMENTS in values and TLV_SAR_SEGMENT_SEQNUM in values:
        parts = int.from_bytes(values[TLV_SAR_TOTAL_SEGMENTS], "big")
        part = int.from_bytes(values[TLV_SAR_SEGMENT_SEQNUM], "big")
    return Segment(
        text=_text(body, data_coding),
        part=part,
        parts=parts,
        message_id=_message_id(values.get(TLV_MESSAGE_ID, b"")),
    )


def _place(header: bytes) -> tuple[int, int]:
    """Return (part, parts) of a user data header; (1, 1) when it says nothing of them."""
    at = 0
    while at + 2 <= len(header):
        element, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if element == CONCATENATED_8_BIT_REFERENCE and len(value) == 3:
            return value[2], value[1]
        if element == CONCATENATED_16_BIT_REFERENCE and len(value) == 4:
            return value[3], value[2]
        at += 2 + length
    return 1, 1


def _text(body: bytes, data_coding: int) -> str:
    if data_coding == 0:
        if not body.translate(None, SAME_IN_ASCII):  # nearly always, and much faster
            return body.decode("ascii")
        return str(_gsm.decode(body, "replace")[0])
    codec = CODECS.get(data_coding)
    return codecs.decode(body, codec, "replace") if codec else body.hex(" ")


def _message_id(value: bytes) -> str:
    if len(value) == 16:
        return str(UUID(bytes=value))
    return value.rstrip(b"\0").decode("ascii", "replace")
