"""What the law asks of a message, looked up by jurisdiction, channel and purpose."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.notifier.domain import hours
from services.notifier.domain.hours import Where
from services.notifier.domain.rulebook import (
    BillingRule,
    CapRule,
    ConfirmationRule,
    HoursRule,
    LabelRule,
    ListRule,
    OptOutRule,
    RequestRule,
    Rulebook,
    SenderRule,
)
from services.notifier.domain.states import Channel, Purpose

_SOLSTICES = (datetime(2026, 1, 4, tzinfo=UTC), datetime(2026, 7, 5, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Law:
    """All rules for messages of one channel and purpose to people of some jurisdictions."""

    hours: tuple[HoursRule, ...]
    caps: tuple[CapRule, ...]
    lists: tuple[ListRule, ...]
    labels: tuple[LabelRule, ...]
    senders: tuple[SenderRule, ...]
    requests: tuple[RequestRule, ...]
    opt_outs: tuple[OptOutRule, ...]
    confirmations: tuple[ConfirmationRule, ...]
    billings: tuple[BillingRule, ...]
    judged_in: tuple[str, ...]


class Rules:
    """A rulebook, indexed."""

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self._laws: dict[tuple[Channel, Purpose, tuple[str, ...]], Law] = {}
        self._places: dict[tuple[str, str], tuple[str, ...]] = {}
        self._prefixes = {
            prefix: code for code, it in book.jurisdictions.items() for prefix in it.phone_prefixes
        }
        self._longest = max(map(len, self._prefixes), default=0)
        self._zones = {
            zone: code for code, it in book.jurisdictions.items() for zone in it.time_zones
        }
        self._check_hours()

    def places(self, address: str, zone: str) -> tuple[str, ...]:
        """The recipient's jurisdictions, by prefix and by zone; empty when none is known."""
        head = address[: self._longest] if address[:1] == "+" else ""
        found = self._places.get((head, zone))
        if found is None:
            codes = {self._by_prefix(head), self._zones.get(zone, "")} - {""}
            if len(self._places) > 50_000:
                self._places.clear()
            found = self._places[head, zone] = tuple(sorted(codes))
        return found

    def law(self, channel: Channel, purpose: Purpose, places: tuple[str, ...] = ()) -> Law:
        """The rules of home and of these jurisdictions; of all when `places` is empty."""
        key = (channel, purpose, places)
        found = self._laws.get(key)
        if found is None:
            found = self._laws[key] = self._collect(channel, purpose, places)
        return found

    def home_law(self, channel: Channel, purpose: Purpose) -> Law:
        """The rules of home alone: what holds for a text, whoever reads it."""
        return self.law(channel, purpose, (self.book.home,))

    def _by_prefix(self, head: str) -> str:
        for length in range(len(head), 1, -1):
            if head[:length] in self._prefixes:
                return self._prefixes[head[:length]]
        return ""

    def _collect(self, channel: Channel, purpose: Purpose, places: tuple[str, ...]) -> Law:
        codes = {self.book.home, *(places or self.book.jurisdictions)}
        rules = [
            it
            for it in self.book.rules
            if it.jurisdiction in codes and it.speaks_of(channel, purpose)
        ]
        return Law(
            hours=tuple(it for it in rules if isinstance(it, HoursRule)),
            caps=tuple(it for it in rules if isinstance(it, CapRule)),
            lists=tuple(it for it in rules if isinstance(it, ListRule)),
            labels=tuple(it for it in rules if isinstance(it, LabelRule)),
            senders=tuple(it for it in rules if isinstance(it, SenderRule)),
            requests=tuple(it for it in rules if isinstance(it, RequestRule)),
            opt_outs=tuple(it for it in rules if isinstance(it, OptOutRule)),
            confirmations=tuple(it for it in rules if isinstance(it, ConfirmationRule)),
            billings=tuple(it for it in rules if isinstance(it, BillingRule)),
            judged_in=self._judged_in(places),
        )

    def _check_hours(self) -> None:
        """Raises `ValueError` for a jurisdiction whose zones are never open at the same time."""
        for code in self.book.jurisdictions:
            for channel in Channel:
                for purpose in Purpose:
                    law = self.law(channel, purpose, (code,))
                    where = [
                        Where(ZoneInfo(zone), rule.spans)
                        for rule in law.hours
                        for zone in law.judged_in
                    ]
                    if any(hours.opens(where, at) is None for at in _SOLSTICES):
                        raise ValueError(f"the hours of {code} never open where it is judged")

    def _judged_in(self, places: Sequence[str]) -> tuple[str, ...]:
        """Zones that stand for an unknown one; none when the jurisdiction is unknown too."""
        zones = {zone for code in places for zone in self.book.jurisdictions[code].judged_in}
        return tuple(sorted(zones))
