"""What leads measures of its own work."""

from prometheus_client import Counter, Gauge

erasures_unfinished = Gauge(
    "mekong_leads_erasures_unfinished", "Erasures that are not done, over all replicas."
)
oldest_erasure_age = Gauge(
    "mekong_leads_oldest_erasure_age_seconds",
    "Time since the oldest erasure that is not done was ordered, over all replicas.",
)
erasure_rounds = Counter(
    "mekong_leads_erasure_rounds_total",
    "Rounds in which everybody was asked to erase somebody, by what came of them.",
    ["outcome"],
)
sealed_rows = Gauge(
    "mekong_leads_sealed_rows",
    "Descriptions of contacts by what sealed them: the newest key, an older one, or none.",
    ["state"],
)
