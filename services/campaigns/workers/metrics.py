"""What campaigns measures of its own work."""

from prometheus_client import Counter, Gauge, Histogram

chunks_republished = Counter(
    "mekong_campaigns_chunks_republished_total",
    "Chunks published again: their maker died, or no notifier had them after five minutes.",
)
run_seconds = Histogram(
    "mekong_campaigns_run_seconds",
    "Time from a run's start to the end of its last message, pauses included.",
    ["channel", "state"],
    buckets=(5, 15, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 24 * 3_600, 72 * 3_600),
)
runs = Gauge("mekong_campaigns_runs", "Runs that have not ended, over all replicas.", ["state"])
oldest_run_age = Gauge(
    "mekong_campaigns_oldest_run_age_seconds",
    "Time since the start of the oldest run that has not ended, over all replicas.",
    ["state"],
)
