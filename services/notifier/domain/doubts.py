"""Messages in doubt: what may be done about them, and what policy does by itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from services.notifier.domain.states import Channel, Next, Purpose, Reason, State


class Act(IntEnum):
    """What is done about a doubt; the numbers of crm.notifier.v1.DoubtAct."""

    ACCEPTED = 1
    FAILED = 2
    ABANDONED = 3
    SENT_AGAIN = 4


class Teller(IntEnum):
    """Who can still tell; the numbers of crm.notifier.v1.DoubtTeller."""

    NOBODY = 1
    RECEIPT = 2


SETTLING = frozenset(Act) - {Act.SENT_AGAIN}

TO: dict[Act, Next] = {
    Act.ACCEPTED: Next(State.ACCEPTED, Reason.SETTLED_BY_HAND),
    Act.FAILED: Next(State.FAILED, Reason.SETTLED_BY_HAND),
    Act.ABANDONED: Next(State.ABANDONED, Reason.SETTLED_BY_HAND),
    Act.SENT_AGAIN: Next(State.QUEUED, Reason.SENT_AGAIN),
}
"""Where a person's act moves a message."""

# SMTP has no question for a message whose answer was lost; an SMSC sends receipts.
TELLERS = {Channel.EMAIL: Teller.NOBODY, Channel.SMS: Teller.RECEIPT}


@dataclass(frozen=True)
class Policy:
    """How long a doubt may last, by purpose, before something is done about it.

    MARKETING, CARE and CONSENT_REQUEST go at most once: they are given up after `abandon_after`.
    TRANSACTIONAL goes at least once: again after `resend_after`, until it was in doubt
    `doubts_most` times; 0 is never.
    """

    abandon_after: timedelta
    resend_after: timedelta
    doubts_most: int

    def sends_again(self, purpose: Purpose, doubts: int) -> bool:
        """Whether a message that was in doubt so often, this time included, is sent again."""
        return purpose is Purpose.TRANSACTIONAL and doubts < self.doubts_most

    def age(self, purpose: Purpose) -> timedelta:
        """How old a doubt is given up; TRANSACTIONAL never before it could be sent again."""
        if purpose is Purpose.TRANSACTIONAL and self.doubts_most:
            return max(self.abandon_after, self.resend_after)
        return self.abandon_after


class Due(NamedTuple):
    """What policy will do about a doubt, and when."""

    act: Act
    at: datetime


def due(policy: Policy, purpose: Purpose, *, since: datetime, doubts: int, resendable: bool) -> Due:
    """What policy will do about a doubt; `resendable` unless its time or its run is over."""
    if resendable and policy.sends_again(purpose, doubts):
        return Due(Act.SENT_AGAIN, since + policy.resend_after)
    return Due(Act.ABANDONED, since + policy.age(purpose))
