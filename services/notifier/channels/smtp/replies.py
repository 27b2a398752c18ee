"""Replies of an SMTP server and what they mean for a message."""

import re
from dataclasses import dataclass

from services.notifier.domain.states import Reason, Result, Verdict

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply: its code and the text of all lines."""

    code: int
    text: str

    @property
    def is_good(self) -> bool:
        """2xx or 3xx."""
        return 200 <= self.code < 400

    @property
    def permanent(self) -> bool:
        """Whether trying again is useless; the enhanced code is more precise than the code."""
        enhanced = _ENHANCED.match(self.text)
        # A 5xx with an enhanced 4.x.x is a server that contradicts itself: believe the code.
        if enhanced and enhanced.group(1) == "5":
            return self.code >= 400
        return self.code >= 500

    def __str__(self) -> str:
        return f"{self.code} {self.text}"[:500]


def result(reply: Reply, *, recipient: bool = False) -> Result:
    """What a reply to MAIL, RCPT, DATA or the final dot means; `recipient` for RCPT."""
    if reply.is_good:
        return Result(Verdict.TAKEN, str(reply))
    if not reply.permanent:
        return Result(Verdict.BUSY, str(reply), Reason.PROVIDER_BUSY)
    enhanced = _ENHANCED.match(reply.text)
    bad_address = recipient and (enhanced is None or enhanced.group(2) == "1")
    reason = Reason.ADDRESS_INVALID if bad_address else Reason.PROVIDER_REFUSED
    return Result(Verdict.REFUSED, str(reply), reason)
