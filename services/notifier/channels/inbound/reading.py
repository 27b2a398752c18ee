"""Understands a mail; what cannot be read is nothing that changes anything."""

import email
from email.message import Message

import structlog

from services.notifier.channels.inbound import complaints, fields, reports
from services.notifier.domain.inbound import Kind, Mail, Other

# A report comes first in its mail, and the header of what it is about right behind. The parser
# looks at each line once for every multipart around it.
_MOST_BYTES = 64 * 1024
_MOST_NESTED = 20

log = structlog.get_logger(__name__)


def read(data: bytes) -> Mail:
    """What a mail says, by its first 64 KiB; never raises."""
    data = data[:_MOST_BYTES]
    if data.lower().count(b"multipart/") > _MOST_NESTED:
        log.warning("inbound_mail_unreadable", error="TooManyParts", bytes=len(data))
        return Other()
    try:
        return _read(email.message_from_bytes(data))
    except Exception as error:
        # Anybody can send anything to us, and the library's parser gives up in its own ways. The
        # mail server must not come again with it.
        log.warning("inbound_mail_unreadable", error=type(error).__name__, bytes=len(data))
        return Other()


def _read(message: Message) -> Mail:
    if complaints.is_one(message):
        return complaints.read(message) or Other()
    report = reports.read(message)
    if report is not None:
        return report
    return Other(Kind.AUTOMATIC if _is_automatic(message) else Kind.OTHER)


def _is_automatic(message: Message) -> bool:
    """Whether a machine wrote it (RFC 3834), as far as machines say so."""
    submitted = fields.field(message, "Auto-Submitted").partition(";")[0].strip().lower()
    if submitted not in ("", "no"):
        return True
    precedence = fields.field(message, "Precedence").lower()
    return precedence in _PRECEDENCES or any(name in message for name in _MARKS)


_PRECEDENCES = frozenset({"auto_reply", "bulk", "junk"})
_MARKS = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress")
