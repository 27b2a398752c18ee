"""Bytes of HTTP/2 as no client library would send them."""

from tests.attack.wires import Wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header of HPACK in its own words: neither indexed nor compressed."""
    return b"\x00" + b"".join(_length(it) + it for it in (name, value))


def _length(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)])
    rest, out = len(text) - 127, b"\x7f"
    while rest >= 128:
        out += bytes([rest % 128 + 128])
        rest //= 128
    return out + bytes([rest])


def calling(path: str, token: str, *more: tuple[bytes, bytes]) -> bytes:
    """The bytes of a connection with one whole call, with headers that no client would send."""
    headers = (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"echo"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"authorization", f"Bearer {token}".encode()),
        *more,
    )
    sent = b"".join(literal(*it) for it in headers)
    return PREFACE + SETTINGS + frame(1, 4, 1, sent) + frame(0, 1, 1, b"\x00" * 5)


def settled(wire: Wire) -> None:
    """Wait until the other side says something on the first stream, or is gone."""
    heard = b""
    while piece := wire.hear():
        heard += piece
        rest = heard
        while len(rest) >= 9:
            if int.from_bytes(rest[5:9]) == 1:
                return
            rest = rest[9 + int.from_bytes(rest[:3]) :]
