"""What notifiers report about the messages of runs."""

from google.protobuf.message import DecodeError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.events.event import Event, Poison
from services.campaigns.messages import work
from services.campaigns.usecases import progress

STREAM = "FACTS"
DURABLE = "campaigns-progress"


async def messages_progressed(session: AsyncSession, event: Event) -> None:
    """Apply a report of up to 500 messages; raises `Poison` for what is no report."""
    try:
        report = work.report(event.data)
    except (DecodeError, ValueError):
        raise Poison("REPORT_UNREADABLE") from None
    await progress.apply(session, [report])


HANDLERS = {"crm.notifier.v1.MessagesProgressed": messages_progressed}
