"""What an operator watches of the notifier."""

import time
from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from services.notifier.domain.states import Purpose
from services.notifier.domain.work import Outgoing

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
submit_delay = Histogram(
    "mekong_notifier_submit_delay_seconds",
    "Time from a transactional message's acceptance here to the start of its first attempt.",
    ["channel"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0),
)
days_gone = Counter("mekong_notifier_days_gone_total", "Days of messages that were let go of.")
receipts_unmatched = Counter(
    "mekong_notifier_receipts_unmatched_total",
    "Receipts given up after a day: for a message that was let go of, or for none known.",
    ["what"],
)
claims_lapsed = Counter(
    "mekong_notifier_claims_lapsed_total", "Claims whose worker died or stalled beyond its lease."
)
disbelieved = Counter(
    "mekong_notifier_addresses_disbelieved_total",
    "Addresses that a provider said are none while it said so of most; nobody was told.",
    ["provider"],
)
waiting = Gauge(
    "mekong_notifier_waiting",
    "Messages that may go and were not yet claimed, over all replicas, counted to a limit.",
    ["lane"],
)
waiting_age = Gauge(
    "mekong_notifier_waiting_age_seconds",
    "How long the first message of a lane has been allowed to go, over all replicas.",
    ["lane"],
)
in_doubt = Gauge(
    "mekong_notifier_in_doubt", "Messages in doubt, over all replicas, counted to a limit."
)
in_doubt_age = Gauge(
    "mekong_notifier_in_doubt_age_seconds", "Age of the oldest doubt, over all replicas."
)
sender_expiry = Gauge(
    "mekong_notifier_sender_expiry_timestamp_seconds",
    "When the next sender identity in force expires, as Unix time; infinite when none does.",
)

dkim_keys = Gauge("mekong_notifier_dkim_keys", "Private keys that mails are signed with.")
dkim_trouble = Gauge(
    "mekong_notifier_dkim_trouble",
    "1 while the folder of keys cannot be used and the last good ones sign.",
)


def submitted(going: Iterable[Outgoing]) -> None:
    """Observe messages whose attempt begins now; of others none."""
    at = time.time()
    for it in going:
        claimed = it.prepared.claimed
        is_first = claimed.kind.urgent and claimed.attempts == 0
        if is_first and claimed.kind.purpose is Purpose.TRANSACTIONAL:
            delay = max(0.0, at - claimed.created_at.timestamp())
            submit_delay.labels(claimed.kind.channel.name.lower()).observe(delay)
