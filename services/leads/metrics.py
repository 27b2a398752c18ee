"""What an operator watches of leads."""

from prometheus_client import Gauge

sealed_rows = Gauge(
    "mekong_leads_sealed_rows",
    "Descriptions of contacts by what sealed them: the newest key, an older one, or none.",
    ["state"],
)
