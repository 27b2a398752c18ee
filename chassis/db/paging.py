"""Pages by key: a sealed token says where the next page starts and to which filter it belongs."""

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from pydantic import SecretStr

from chassis import sealing
from chassis.errors import FieldViolation, InvalidArgument

DEFAULT_SIZE = 50
LARGEST_SIZE = 1_000
_LONGEST_TOKEN = 4_096

Key = str | int | bool | None | UUID | datetime | date | Decimal
Seal = SecretStr | str | bytes


@dataclass(frozen=True)
class Page:
    """How many rows to read, and after which keys (None for the first page)."""

    size: int
    after: tuple[Key, ...] | None = None


def read(
    page_size: int, page_token: str, filter_fields: Mapping[str, object], seal_key: Seal
) -> Page:
    """The page a list request asks for: 0 means 50 rows, above 1,000 means 1,000.

    Raises `InvalidArgument` on page_size when negative and on page_token when the token was not
    made by `token` with the same filter and key.
    """
    if page_size < 0:
        raise _wrong("FIELDS_INVALID", "page_size", "must not be negative")
    size = min(page_size or DEFAULT_SIZE, LARGEST_SIZE)
    if not page_token:
        return Page(size)
    return Page(size, _open(page_token, filter_fields, seal_key))


def token(keys: Iterable[Key], filter_fields: Mapping[str, object], seal_key: Seal) -> str:
    """The token of the page that starts after `keys`, the sort keys of the last row shown.

    It is encrypted, since keys such as names would otherwise show in addresses and access logs.
    """
    plain = json.dumps([_pack(key) for key in keys], separators=(",", ":")).encode()
    sealed = sealing.seal(_keys(seal_key)[0], plain, _digest(filter_fields))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _open(page_token: str, filter_fields: Mapping[str, object], seal_key: Seal) -> tuple[Key, ...]:
    unfit = _wrong("PAGE_TOKEN_INVALID", "page_token", "not a token of this list with this filter")
    if len(page_token) > _LONGEST_TOKEN or not page_token.isascii():
        raise unfit
    try:
        padding = "=" * (-len(page_token) % 4)
        sealed = base64.b64decode(page_token + padding, altchars=b"-_", validate=True)
    except ValueError:
        raise unfit from None
    digest = _digest(filter_fields)
    for key in _keys(seal_key):
        with contextlib.suppress(sealing.SealBroken):
            plain = sealing.unseal(key, sealed, digest)
            return tuple(_unpack(kind, value) for kind, value in json.loads(plain))
    raise unfit


def _keys(seal_key: Seal) -> list[bytes]:
    if isinstance(seal_key, SecretStr):
        seal_key = seal_key.get_secret_value()
    given = [seal_key] if isinstance(seal_key, bytes) else map(str.encode, sealing.lines(seal_key))
    return [hashlib.sha256(b"page token\x00" + it).digest() for it in given]


def _digest(filter_fields: Mapping[str, object]) -> bytes:
    canonical = json.dumps(_stable(filter_fields), sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).digest()


def _stable(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _stable(part) for name, part in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(part) for part in value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_stable(part) for part in value]
    return value


def _pack(key: Key) -> tuple[str, str | int | bool | None]:
    match key:
        case None | bool() | str() | int():
            return ("", key)
        case UUID():
            return ("uuid", str(key))
        case datetime():
            return ("time", key.isoformat())
        case date():
            return ("date", key.isoformat())
        case Decimal():
            return ("decimal", str(key))
    raise TypeError(f"not a sort key: {type(key).__name__}")


def _unpack(kind: str, value: str) -> Key:
    match kind:
        case "uuid":
            return UUID(value)
        case "time":
            return datetime.fromisoformat(value)
        case "date":
            return date.fromisoformat(value)
        case "decimal":
            return Decimal(value)
    return value


def _wrong(reason: str, field: str, description: str) -> InvalidArgument:
    return InvalidArgument(
        reason, f"{field} is {description}", violations=[FieldViolation(field, description)]
    )
