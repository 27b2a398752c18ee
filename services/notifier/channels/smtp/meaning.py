"""What replies mean for a message: by their enhanced status code (RFC 3463), else by their code.

Whether trying again can help is said by the code's class; why it was refused, by the table. A
refusal of how we speak (no password, no TLS) says nothing of the message: it is tried again.
"""

import functools
import re
from typing import Literal, NamedTuple

from services.notifier.channels.smtp.replies import Reply
from services.notifier.domain.states import Reason, Result, Verdict

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")
_QUOTED = re.compile(r"([245]\d\d)[ -](.*)", re.DOTALL)
_LONGEST_TOLD = 300
_MOST_KNOWN = 500  # servers say the same again and again
# What servers say that would be served slower; a 421 may as well mean that they go down.
_FAST = re.compile(r"too many|too fast|too much|rate|throttl|limit|unusual", re.IGNORECASE)
# Whoever will not pass on our mail at all says nothing of who is at the address (Exim writes
# "550 relay not permitted", without an enhanced code).
_RELAY = re.compile(r"relay", re.IGNORECASE)
_GREY = re.compile(r"gr[ea]y-?\s?list", re.IGNORECASE)

_ADDRESS, _DISABLED, _FULL = Reason.ADDRESS_INVALID, Reason.MAILBOX_DISABLED, Reason.MAILBOX_FULL
_CONTENT, _POLICY, _OTHER = Reason.CONTENT_REFUSED, Reason.POLICY_REFUSED, Reason.PROVIDER_REFUSED

# Subject and detail of an enhanced code; a subject alone is for all details that are not named.
# Sources: RFC 3463, RFC 5248 and its IANA registry, RFC 7372, RFC 7505.
_REFUSED: dict[str, Reason] = {
    "1": _ADDRESS,
    "1.7": _OTHER,  # the sender's address
    "1.8": _OTHER,
    "2": _DISABLED,
    "2.2": _FULL,
    "2.3": _CONTENT,  # too long for this mailbox
    "3.4": _CONTENT,  # too big for this system
    "4.1": _ADDRESS,  # nobody answers for the domain
    "4.4": _ADDRESS,  # no route to it
    "6": _CONTENT,
    "7": _POLICY,
}
_BUSY: dict[str, Reason] = {
    "2.2": Reason.MAILBOX_FULL,
    "4.5": Reason.THROTTLED,  # congestion
    "5.3": Reason.THROTTLED,  # too many recipients
    "7": Reason.THROTTLED,
}
# Without an enhanced code. At RCPT these speak of the recipient.
_REFUSED_CODES = {552: _FULL, 556: _ADDRESS, 521: _ADDRESS}
_RCPT_CODES = {550: _ADDRESS, 551: _ADDRESS, 553: _ADDRESS}
_BUSY_CODES = {452: Reason.MAILBOX_FULL}
# We have to sign in or to encrypt first (RFC 4954, RFC 3207): nothing about the message.
_OURS = frozenset({530, 534, 535, 538})


class _Code(NamedTuple):
    """An enhanced status code."""

    permanent: bool
    subject: str
    detail: str

    def of(self, table: dict[str, Reason]) -> Reason | None:
        """What a table says of it."""
        return table.get(f"{self.subject}.{self.detail}") or table.get(self.subject)


Step = Literal["MAIL", "RCPT", "DATA"]


@functools.lru_cache(_MOST_KNOWN)
def result(reply: Reply, step: Step = "DATA") -> Result:
    """What a reply to MAIL, RCPT, DATA or the final dot means."""
    if reply.is_good:
        return Result(Verdict.TAKEN, str(reply))
    code = _enhanced(reply)
    if reply.code not in _OURS and _is_permanent(reply, code):
        return Result(Verdict.REFUSED, str(reply), _why_refused(reply, code, step))
    return Result(Verdict.BUSY, str(reply), _why_busy(reply, code))


def reported(status: str, answer: str) -> Result:
    """What a report of another server means: its status field and the answer that it quotes.

    The more precise of the two is believed. Nobody knows which command a code alone answered.
    """
    quoted = _QUOTED.match(answer.strip())
    text = quoted.group(2) if quoted else answer
    told = _ENHANCED.match(status.strip())
    own = _ENHANCED.match(text)
    if told is not None and told.group(2) != "0" and (own is None or own.group(2) == "0"):
        text = f"{told.group()} {text}"
    if quoted is not None:
        code = int(quoted.group(1))
    else:
        code = 550 if told is not None and told.group(1) == "5" else 450
    return result(Reply(code, (" ".join(text.split())[:_LONGEST_TOLD],)))


def refusal(mail: Reply, rcpt: Reply, data: Reply) -> Result:
    """What the answers to an envelope mean that was not accepted whole."""
    if not mail.is_good:
        return result(mail, "MAIL")
    if not rcpt.is_good:
        return result(rcpt, "RCPT")
    if data.is_good:  # neither 354 nor a refusal
        return Result(Verdict.BUSY, str(data), Reason.PROVIDER_BUSY)
    return result(data)


def _enhanced(reply: Reply) -> _Code | None:
    found = _ENHANCED.match(reply.text)
    if found is None or found.group(1) == "2":
        return None
    return _Code(found.group(1) == "5", found.group(2), found.group(3))


def _is_permanent(reply: Reply, code: _Code | None) -> bool:
    """Whether trying again is useless; the enhanced code is more precise than the code."""
    # A 5xx with an enhanced 4.x.x is a server that contradicts itself: believe the code.
    return reply.code >= 500 or (code is not None and code.permanent)


def _why_refused(reply: Reply, code: _Code | None, step: Step) -> Reason:
    reason: Reason | None
    if code is not None:
        reason = code.of(_REFUSED)
    elif _RELAY.search(reply.text):
        reason = _POLICY
    else:
        reason = (_REFUSED_CODES | (_RCPT_CODES if step == "RCPT" else {})).get(reply.code)
    # At MAIL nobody has heard of the recipient yet.
    if step == "MAIL" and reason in (_ADDRESS, _DISABLED, _FULL):
        reason = None
    return reason or _OTHER


def _why_busy(reply: Reply, code: _Code | None) -> Reason:
    if _GREY.search(reply.text):
        return Reason.GREYLISTED
    reason = _BUSY_CODES.get(reply.code) if code is None or code.permanent else code.of(_BUSY)
    if reason is None and _FAST.search(reply.text):
        reason = Reason.THROTTLED
    if reply.code in _OURS:
        reason = None
    return reason or Reason.PROVIDER_BUSY
