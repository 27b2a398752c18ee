"""What an operator watches of accounts."""

from prometheus_client import Counter, Gauge

audit_head_time = Gauge(
    "mekong_accounts_audit_head_timestamp_seconds",
    "When the head of the audit chain was last exported, as Unix time, over all replicas.",
)
letters_age = Gauge(
    "mekong_accounts_letters_waiting_age_seconds",
    "Age of the oldest message with a link, a code or news of an account that the notifier does"
    " not have, over all replicas: to staff (`password`) or customers (`portal`).",
    ["letters"],
)
letters = Counter(
    "mekong_accounts_letters_total",
    "Messages with a link, a code or news of an account that the notifier has (`handed_over`) or"
    " that never go (`failed`): it refused them, or they have no sender.",
    ["letters", "state"],
)
