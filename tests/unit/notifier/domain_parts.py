"""What the notifier's decisions are made of, as tests make it."""

import uuid
from datetime import UTC, date, datetime

from services.notifier.domain import gates, states
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import (
    Claimed,
    Key,
    Kind,
    Run,
    Sender,
)
from services.notifier.usecases import rulebook

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)  # noon in Vietnam


RULES = rulebook.load()


ADVERTISER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def claimed(**changes: object) -> Claimed:
    """A marketing SMS to Vietnam."""
    kind = kind_of(**{name: changes.pop(name) for name in list(changes) if name in Kind._fields})
    fields: dict[str, object] = {
        "key": Key(date(2026, 11, 21), uuid.uuid4()),
        "claim": 1,
        "attempts": 0,
        "kind": kind,
        "address": "+84901234567",
        "address_key": "+84901234567",
        "time_zone": "",
        "values": (),
        "not_after": None,
        "created_at": NOW,
        **changes,
    }
    return Claimed(**fields)  # type: ignore[arg-type]


def kind_of(**changes: object) -> Kind:
    """What the messages of a run of marketing by SMS have in common."""
    fields: dict[str, object] = {
        "run_id": uuid.UUID(int=5),
        "channel": Channel.SMS,
        "purpose": Purpose.MARKETING,
        "advertiser_id": ADVERTISER,
        "sender_identity_id": uuid.UUID(int=7),
        "content_hash": "h",
        **changes,
    }
    return Kind(**fields)  # type: ignore[arg-type]


def judged(message: Claimed, now: datetime = NOW, **changes: object) -> states.Next | None:
    """What the gates say."""
    who = changes.pop("sender", sender())
    blocks = changes.pop("suppressions", ())
    fields: dict[str, object] = {
        "now": now,
        "run": run(),
        "senders": {message.kind.sender_identity_id: who} if who else {},
        "suppressions": {message.address_key: blocks},
        "lists_as_of": {"vn": now},
        **changes,
    }
    return gates.Judge(RULES, gates.Facts(**fields), "Asia/Ho_Chi_Minh")(message)  # type: ignore[arg-type]


def run(number: int = 5, **changes: object) -> Run:
    """An active run."""
    fields: dict[str, object] = {
        "run_id": uuid.UUID(int=number),
        "run_date": date(2026, 11, 21),
        "epoch": 1,
        "state": "ACTIVE",
        "channel": Channel.SMS,
        "weight": 1,
        "max_per_second": 0,
        "not_after": None,
        "variables": (),
        "kind": kind_of(),
        **changes,
    }
    return Run(**fields)  # type: ignore[arg-type]


def sender(**changes: object) -> Sender:
    """A sender of the advertiser."""
    fields: dict[str, object] = {
        "identity_id": uuid.UUID(int=7),
        "advertiser_id": ADVERTISER,
        "channel": Channel.SMS,
        "address": "MEKONG",
        "display_name": "",
        "reply_to": "",
        "expires_at": None,
        "advertiser_name": "Sông Hồng",
        "postal_address": "1 Tràng Tiền",
        **changes,
    }
    return Sender(**fields)  # type: ignore[arg-type]
