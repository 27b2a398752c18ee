"""Delivery status notifications (RFC 3464), and the older form of Exim."""

import re
from email.message import Message

from services.notifier.channels.inbound import fields
from services.notifier.channels.smtp import meaning
from services.notifier.domain.inbound import Kind, Notice, Report
from services.notifier.domain.states import Reason, Result, Verdict

_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_MOST_NOTICES = 100
_LONGEST_TEXT = 20_000
# What a server was told is quoted in the text; an answer to RCPT speaks of the recipient.
_QUOTED = re.compile(r"\b([45]\d\d)[ -]([45]\.\d{1,3}\.\d{1,3}\b[^\r\n]*)")


def read(message: Message) -> Report | None:
    """The report that a mail is; None when it is none."""
    found = [it for it in fields.parts(message) if it.get_content_type() in _TYPES]
    if found:
        notices = [
            notice
            for part in found
            for block in fields.blocks(part)[: _MOST_NOTICES + 1]
            if (notice := _notice(block))
        ]
        return Report(tuple(notices)) if notices else None
    return _without_fields(message)


def _notice(block: Message) -> Notice | None:
    """What the fields of one recipient say; None for those of the whole mail."""
    action = fields.field(block, "Action").partition(" ")[0].partition(";")[0].lower()
    if not action:
        return None
    addresses = {
        fields.after_type(fields.field(block, name)).lower()
        for name in ("Final-Recipient", "Original-Recipient")
    }
    status, answer = fields.field(block, "Status"), fields.field(block, "Diagnostic-Code")
    said = fields.after_type(answer)
    kind = _ACTIONS.get(action, Kind.DELAYED)
    reason = Reason.NONE
    if kind is Kind.BOUNCED and (status or said):
        reason = _reason(meaning.reported(status, said))
    detail = f"{status.partition(' ')[0]} {said}".strip()
    return Notice(kind, frozenset(addresses - {""}), reason, detail)


def _without_fields(message: Message) -> Report | None:
    """What a server says that names whom it failed in a header of its own, as Exim did."""
    failed = fields.field(message, "X-Failed-Recipients").lower()
    if not failed:
        return None
    addresses = frozenset(it.strip() for it in failed.split(",") if it.strip())
    said = next(
        (fields.text(it) for it in fields.parts(message) if it.get_content_type() == "text/plain"),
        "",
    )
    quoted = _QUOTED.search(said[:_LONGEST_TEXT])
    if quoted is None:
        return Report((Notice(Kind.BOUNCED, addresses, Reason.NONE, ""),))
    reason = _reason(meaning.reported("", quoted.group()))
    return Report((Notice(Kind.BOUNCED, addresses, reason, " ".join(quoted.group().split())),))


def _reason(result: Result) -> Reason:
    """Why a message came back for good; what was tried for too long says nothing more."""
    if result.verdict is Verdict.REFUSED:
        return result.reason
    return Reason.MAILBOX_FULL if result.reason is Reason.MAILBOX_FULL else Reason.RETRIES_ENDED


# RFC 3464, 2.3.3. What was passed on, to one or to many, may yet come back.
_ACTIONS = {"failed": Kind.BOUNCED, "delivered": Kind.DELIVERED}
