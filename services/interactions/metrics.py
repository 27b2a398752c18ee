"""What an operator watches of interactions."""

import collections
from collections.abc import Iterable
from typing import Any

from prometheus_client import Counter, Gauge

from services.interactions.domain.deliveries import Delivery

deliveries = Counter(
    "mekong_interactions_deliveries_total",
    "Messages of follow-ups that came to a state, by the state.",
    ["state"],
)
contact_reminders = Counter(
    "mekong_interactions_contact_reminders_total",
    "Reminders to contacts that came to a state, by the state.",
    ["state"],
)
postponed = Counter(
    "mekong_interactions_deliveries_postponed_total",
    "Messages to contacts put off since leads or the notifier were away.",
)
due_age = Gauge(
    "mekong_interactions_deliveries_due_age_seconds",
    "Age of the oldest message of a follow-up that is due and not handed over, over all replicas.",
)
erasure_request_age = Gauge(
    "mekong_interactions_oldest_erasure_request_age_seconds",
    "Time since the oldest request of a customer to be erased that is not closed, over all"
    " replicas.",
)


def moved(changed: Iterable[Delivery[Any]], of: Counter = deliveries) -> None:
    """Count deliveries that moved, or reminders to contacts."""
    for state, count in collections.Counter(it.state for it in changed).items():
        of.labels(state.value).inc(count)
