"""What comes back by mail: reports of what became of a message, complaints, machines' answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from services.notifier.domain.states import Reason


class Kind(IntEnum):
    """What a mail was understood as; the numbers of crm.notifier.v1.InboundMailKind."""

    BOUNCED = 1
    DELIVERED = 2
    DELAYED = 3
    COMPLAINED = 4
    AUTOMATIC = 5
    OTHER = 6


@dataclass(frozen=True, slots=True)
class Notice:
    """What a report says of one recipient: BOUNCED, DELIVERED or DELAYED.

    `addresses` are the recipient's, in small letters: as written by the reporter, and as we wrote
    it.
    """

    kind: Kind
    addresses: frozenset[str]
    reason: Reason = Reason.NONE
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery status notification (RFC 3464), or what older servers write instead."""

    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """A feedback report (RFC 5965) that calls a mail unwanted.

    `return_paths` and `links` are what of the mail may name it; each is to be verified.
    """

    what: str
    return_paths: tuple[str, ...]
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """What changes nothing: a machine's answer (AUTOMATIC), or anything else."""

    kind: Kind = Kind.OTHER


Mail = Report | Complaint | Other

_WORST = {Kind.BOUNCED: 0, Kind.DELIVERED: 1, Kind.DELAYED: 2}


def notice_of(notices: Sequence[Notice], address: str) -> Notice | None:
    """What a report says of the address we wrote to, or else of whoever it was passed on to.

    Of several notices the one that says most: that it came back, that it arrived, that it waits.
    """
    ours = [it for it in notices if address.lower() in it.addresses] or list(notices)
    return min(ours, key=lambda it: _WORST[it.kind], default=None)
