"""What an operator watches of interactions."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from services.interactions.domain.deliveries import Delivery

deliveries = Counter(
    "mekong_interactions_deliveries_total",
    "Messages of follow-ups that came to a state, by the state.",
    ["state"],
)
postponed = Counter(
    "mekong_interactions_deliveries_postponed_total",
    "Messages of follow-ups put off since leads or the notifier were away.",
)
due_age = Gauge(
    "mekong_interactions_deliveries_due_age_seconds",
    "Age of the oldest message of a follow-up that is due and not handed over, over all replicas.",
)


def moved(changed: Iterable[Delivery]) -> None:
    """Count deliveries that moved."""
    for it in changed:
        deliveries.labels(it.state.value).inc()
