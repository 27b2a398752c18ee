"""Whether a claimed message may go now; every gate in one place, strictest answer first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.notifier.domain.states import Channel, Next, Purpose, Reason, RunState, State
from services.notifier.domain.work import Claimed, Run, Sender, Suppressed


@dataclass(frozen=True)
class Hours:
    """From `opens` to `closes`, local time of the recipient, every day."""

    opens: time
    closes: time


# Decree 91/2020/ND-CP: advertising by SMS 07:00-22:00; e-mail has no hour rule.
VIETNAM = Hours(time(7), time(22))
# Elsewhere the strictest of the rules known to us holds (United States, 08:00-21:00).
STRICTEST = Hours(time(8), time(21))

HOURS_APPLY = frozenset({(Channel.SMS, Purpose.MARKETING), (Channel.SMS, Purpose.CONSENT_REQUEST)})
LABELS = {Purpose.MARKETING: "[QC] ", Purpose.CONSENT_REQUEST: "DKQC "}


def judge(
    message: Claimed,
    *,
    run: Run | None,
    sender: Sender | None,
    suppressions: Sequence[Suppressed],
    now: datetime,
    default_zone: str,
) -> Next | None:
    """Where the message goes instead of to the provider; None when it may go.

    The place for caps is last: a message that another gate stops must not use one up.
    """
    if run is not None and run.state in (RunState.CANCELLED, RunState.EXPIRED):
        return ended(run)
    if _is_past(message.not_after, now) or (run is not None and _is_past(run.not_after, now)):
        return Next(State.EXPIRED, Reason.TIME_PASSED)
    if sender is None or sender.advertiser_id != message.advertiser_id:
        return Next(State.SKIPPED, Reason.SENDER_MISSING)
    if sender.expires_at and sender.expires_at <= now:
        return Next(State.SKIPPED, Reason.SENDER_EXPIRED)
    if suppressions and any(it.covers(message) for it in suppressions):
        return Next(State.SKIPPED, Reason.SUPPRESSED)
    if (message.channel, message.purpose) in HOURS_APPLY:
        return _hours(message, now, default_zone)
    return None


def _is_past(limit: datetime | None, now: datetime) -> bool:
    return limit is not None and limit <= now


def ended(run: Run) -> Next:
    """Where the waiting messages of a run that ended go."""
    if run.state == RunState.EXPIRED:
        return Next(State.EXPIRED, Reason.TIME_PASSED)
    return Next(State.CANCELLED, Reason.RUN_CANCELLED)


def label(text: str, purpose: Purpose) -> str:
    """`text` with the label the law wants first, unless it is there."""
    wanted = LABELS.get(purpose)
    if wanted is None:
        return text
    return text if text.lstrip().startswith(wanted.strip()) else wanted + text


def opens(zone: str, address: str, now: datetime, default_zone: str) -> datetime | None:
    """When sending hours begin for a recipient, None when it is now within them."""
    known = _zone(zone)
    is_vietnam = zone in ("Asia/Ho_Chi_Minh", "Asia/Saigon") or (
        known is None and address.startswith("+84")
    )
    hours = VIETNAM if is_vietnam else STRICTEST
    local = now.astimezone(known or ZoneInfo(default_zone))
    if hours.opens <= local.time().replace(tzinfo=None) < hours.closes:
        return None
    day = local.date() if local.time() < hours.opens else local.date() + timedelta(days=1)
    return datetime.combine(day, hours.opens, local.tzinfo)


def _hours(message: Claimed, now: datetime, default_zone: str) -> Next | None:
    until = opens(message.time_zone, message.address, now, default_zone)
    if until is None:
        return None
    return Next(State.DEFERRED, Reason.OUTSIDE_HOURS, until)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
