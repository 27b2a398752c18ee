"""What notifiers report about the messages of runs."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.events.event import Event, Poison
from services.campaigns.messages import work
from services.campaigns.messages.work import Report
from services.campaigns.usecases import progress

STREAM = "FACTS"
DURABLE = "campaigns-progress"

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
