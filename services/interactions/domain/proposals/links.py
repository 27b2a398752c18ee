"""The customer's link: an id with a MAC, so that only we can make it and nothing is stored."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

_MAC_BYTES = 16
_LONGEST = 64


@dataclass(frozen=True)
class Links:
    """Makes links; `base` is where people reach the gateway."""

    base: str
    secret: bytes

    def of(self, proposal_id: UUID) -> str:
        """Returns the link of a proposal."""
        return f"{self.base.rstrip('/')}/p/{token(proposal_id, self.secret)}"

    def read(self, given: str) -> UUID | None:
        """Returns the proposal that a link's last part was made for; None when it was not us."""
        return read(given, self.secret)


def token(proposal_id: UUID, secret: bytes) -> str:
    """Returns the last part of a proposal's link: 43 characters safe in a URL."""
    raw = proposal_id.bytes + _mac(proposal_id.bytes, secret)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read(given: str, secret: bytes) -> UUID | None:
    """Returns the proposal that `token` was made for; None when it was not us."""
    if len(given) > _LONGEST or not given.isascii():
        return None
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    body, mac = raw[:16], raw[16:]
    if len(raw) != 16 + _MAC_BYTES or not hmac.compare_digest(mac, _mac(body, secret)):
        return None
    return UUID(bytes=body)


def _mac(body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, b"proposal link\x00" + body, hashlib.sha256).digest()[:_MAC_BYTES]
