"""Parts and fields of mails that anybody may have written."""

from collections.abc import Iterator
from email.message import Message

# Deeper nested mails are nobody's report.
_DEEPEST = 4
_LONGEST = 1_000


def field(message: Message, name: str) -> str:
    """A header's value on one line; empty when it is missing."""
    # A header with bytes that are no ASCII comes as an object of its own.
    return " ".join(str(message.get(name, "")).split())[:_LONGEST]


def parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """The parts of a mail, but not those of the mails within it."""
    payload = message.get_payload()
    if message.get_content_maintype() != "multipart" or not isinstance(payload, list):
        yield message
        return
    if depth < _DEEPEST:
        for part in payload:
            if isinstance(part, Message):
                yield from parts(part, depth + 1)


def blocks(part: Message) -> list[Message]:
    """The blocks of fields of a report's part."""
    payload = part.get_payload()
    return [it for it in payload if isinstance(it, Message)] if isinstance(payload, list) else []


def text(part: Message) -> str:
    """A part's text, whatever its encoding."""
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def after_type(value: str) -> str:
    """What stands behind the type in `rfc822; dao@example.vn`; a comment is no part of it."""
    _, separator, rest = value.partition(";")
    return (rest if separator else value).strip().strip("<>").strip()
