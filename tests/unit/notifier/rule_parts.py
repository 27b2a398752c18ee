"""A message and the rules it is judged by, with the clock given."""

import tomllib
import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.notifier.domain.gates import Facts, Judge
from services.notifier.domain.rules import Rules
from services.notifier.domain.work import Claimed
from services.notifier.usecases import rulebook
from tests.unit.notifier.domain_parts import claimed, sender

RULES = rulebook.load()


SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")


NEW_YORK = ZoneInfo("America/New_York")


NOON = datetime(2026, 11, 21, 12, tzinfo=SAIGON)


def message(number: str = "+84901234567", zone: str = "", **changes: Any) -> Claimed:
    """A marketing SMS, unless said otherwise."""
    return claimed(address=number, address_key=number, time_zone=zone, **changes)


def judge(at: datetime = NOON, rules: Rules = RULES, **facts: Any) -> Judge:
    """The gates at a moment; the list is fresh unless said otherwise."""
    known: dict[str, Any] = {
        "now": at.astimezone(UTC),
        "senders": {uuid.UUID(int=7): sender()},
        "lists_as_of": {"vn": at},
        **facts,
    }
    return Judge(rules, Facts(**known), "Asia/Ho_Chi_Minh")


def changed(**changes: Any) -> dict[str, Any]:
    """Our own file with some of it changed."""
    return {**tomllib.loads(rulebook.OURS.read_text("utf-8")), **changes}
