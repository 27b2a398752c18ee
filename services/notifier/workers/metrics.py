"""What an operator watches of the notifier."""

from prometheus_client import Counter, Gauge

attempts = Counter(
    "mekong_notifier_attempts_total",
    "Attempts that ended, by what came of them.",
    ["provider", "verdict"],
)
open_attempts = Gauge(
    "mekong_notifier_open_attempts", "What a crash now could leave in doubt.", ["provider"]
)
connected = Gauge("mekong_notifier_connected", "1 while a session is up.", ["provider"])
claimed = Counter("mekong_notifier_claimed_total", "Messages claimed.", ["channel"])
doubts = Counter(
    "mekong_notifier_doubts_total",
    "Messages put in doubt, given up or sent again by policy.",
    ["what"],
)
list_age = Gauge(
    "mekong_notifier_do_not_call_age_seconds",
    "Age of a do-not-call list; infinite when nobody ever said that it is complete.",
    ["list"],
)
gated = Counter(
    "mekong_notifier_gated_total",
    "Messages that a gate stopped or put off, by the rule that did.",
    ["rule"],
)
control_age = Gauge(
    "mekong_notifier_control_age_seconds", "Age of the oldest news of withdrawals and pauses."
)
