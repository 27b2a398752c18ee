"""What an operator watches of accounts."""

from prometheus_client import Gauge

audit_head_time = Gauge(
    "mekong_accounts_audit_head_timestamp_seconds",
    "When the head of the audit chain was last exported, as Unix time, over all replicas.",
)
