"""What campaigns measures of its own work."""

from prometheus_client import Counter

chunks_republished = Counter(
    "mekong_campaigns_chunks_republished_total",
    "Chunks published again: their maker died, or no notifier had them after five minutes.",
)
