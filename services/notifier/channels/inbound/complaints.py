"""Feedback reports (RFC 5965): somebody called a mail unwanted."""

import email
import re
from email.message import Message

from services.notifier.channels.inbound import fields
from services.notifier.domain.inbound import Complaint

# RFC 5965, 7.3, and what older loops write. Reports that a mail is wanted after all, or that a
# signature failed (RFC 6591), are none.
_TYPES = frozenset({"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"})
_ORIGINALS = frozenset({"message/rfc822", "text/rfc822-headers", "message/rfc822-headers"})
_LINK = re.compile(r"/u/([A-Za-z0-9_-]{60,120})(?![A-Za-z0-9_-])")


def is_one(message: Message) -> bool:
    """Whether a mail is a feedback report, whatever it says."""
    return any(it.get_content_type() == "message/feedback-report" for it in fields.parts(message))


def read(message: Message) -> Complaint | None:
    """The complaint that a feedback report is; None when it says something else."""
    paths: list[str] = []
    links: list[str] = []
    what = ""
    for part in fields.parts(message):
        kind = part.get_content_type()
        if kind == "message/feedback-report":
            for block in fields.blocks(part):
                what = what or fields.field(block, "Feedback-Type").lower()
                paths.append(fields.after_type(fields.field(block, "Original-Mail-From")))
        elif kind in _ORIGINALS:
            original = _original(part)
            paths.append(fields.after_type(fields.field(original, "Return-Path")))
            links += _LINK.findall(fields.field(original, "List-Unsubscribe"))
    if what not in _TYPES:
        return None
    return Complaint(what, tuple(filter(None, paths)), tuple(links))


def _original(part: Message) -> Message:
    """The mail that was complained of, or its headers."""
    return next(iter(fields.blocks(part)), None) or email.message_from_string(fields.text(part))
