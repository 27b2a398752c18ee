"""What notifiers report about the messages of runs."""

from collections.abc import Mapping, Sequence

import structlog
from google.protobuf.message import DecodeError
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.events.consumer import Handler
from chassis.events.event import Event, Poison
from services.campaigns.config import Settings
from services.campaigns.domain.runs import Bearable
from services.campaigns.messages import work
from services.campaigns.messages.work import Report
from services.campaigns.usecases import progress, runs

log = structlog.get_logger(__name__)

_paused = Counter(
    "mekong_campaigns_runs_paused_by_complaints_total",
    "Runs that paused themselves, since too many of those they reached called them unwanted.",
)

STREAM = "FACTS"
DURABLE = "campaigns-progress"
COMPLAINTS = "campaigns-complaints"

# Reports that wait together are applied together: those of one run by one statement. More would
# hold the run's counters, and with them its hand-over, for longer than a pause may take.
BATCH = 16

# To apply a single report costs as much as to apply the rows of several.
APART_SECONDS = 0.2


async def messages_progressed(session: AsyncSession, event: Event) -> None:
    """Apply a report of up to 500 messages; raises `Poison` for what is no report."""
    await progress.apply(session, [_report(event)])


async def all_progressed(session: AsyncSession, events: Sequence[Event]) -> None:
    """Apply several reports; raises `Poison` if one of them is none."""
    await progress.apply(session, [_report(each) for each in events])


def _report(event: Event) -> Report:
    try:
        return work.report(event.data)
    except (DecodeError, ValueError):
        raise Poison("REPORT_UNREADABLE") from None


HANDLERS = {"crm.notifier.v1.MessagesProgressed": messages_progressed}


def complaints(settings: Settings) -> Mapping[str, Handler]:
    """Return what is done when somebody calls a message of a run unwanted."""
    borne = Bearable(settings.complaints_pause_percent, settings.complaints_least_messages)

    async def message_complained(session: AsyncSession, event: Event) -> None:
        try:
            run_id = work.complained(event.data)
        except (DecodeError, ValueError):
            raise Poison("COMPLAINT_UNREADABLE") from None
        if await runs.complain(session, run_id, borne):
            _paused.inc()
            log.warning("run_paused_by_complaints", run_id=str(run_id))

    return {"crm.notifier.v1.MessageComplained": message_complained}
