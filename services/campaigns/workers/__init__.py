"""What campaigns does by itself: planning, handing over, and bringing runs to their end."""

from chassis.db import Sessions
from chassis.events.connection import Connection
from services.campaigns.clients.leads import Leads
from services.campaigns.clients.notifier import Senders
from services.campaigns.config import Settings
from services.campaigns.domain.clock import Clock
from services.campaigns.storage.nudges import Worker
from services.campaigns.workers.closer import Closer
from services.campaigns.workers.gauges import Gauges
from services.campaigns.workers.planner import Planner
from services.campaigns.workers.retention import Retention
from services.campaigns.workers.rounds import Rounds
from services.campaigns.workers.sender import Sender

_PARTITIONS_SECONDS, _GAUGES_SECONDS = 600.0, 10.0


def all_of(
    settings: Settings,
    sessions: Sessions,
    nats: Connection,
    leads: Leads,
    notifier: Senders,
    clock: Clock,
) -> list[Rounds]:
    """Return every worker as a background task."""
    planner = Planner(
        sessions,
        leads,
        clock,
        instance=settings.instance,
        regions=settings.regions,
        lease_seconds=settings.planner_lease_seconds,
    )
    sender = Sender(
        sessions,
        nats,
        notifier,
        backlog=settings.max_open_chunks,
        silence_seconds=settings.silence_seconds,
    )
    closer = Closer(sessions, clock)
    idle = settings.poll_seconds
    return [
        Rounds("planner", planner.round, idle, Worker.PLANNER),
        Rounds("sender", sender.hand_over, idle, Worker.SENDER),
        Rounds("sender of due chunks", sender.publish_due, 2 * idle),
        Rounds("closer", closer.round, idle, Worker.CLOSER),
        Rounds("gauges", Gauges(sessions).measure, _GAUGES_SECONDS),
        Rounds(
            "retention",
            Retention(sessions, settings.recipients_keep_days).round,
            _PARTITIONS_SECONDS,
        ),
        Rounds("partitions", closer.prepare, _PARTITIONS_SECONDS),
    ]
