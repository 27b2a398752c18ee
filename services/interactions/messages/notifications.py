"""Notifications in their protobuf form."""

from collections.abc import Mapping

from crm.interactions.v1 import notification_pb2 as pb

from chassis.rpc import times
from services.interactions.domain.notifications import Kind, Notification

_KINDS: Mapping[Kind, "pb.NotificationKind.ValueType"] = {
    Kind.MENTIONED: pb.NOTIFICATION_KIND_MENTIONED,
    Kind.ASSIGNED: pb.NOTIFICATION_KIND_ASSIGNED,
    Kind.PROPOSAL_ANSWERED: pb.NOTIFICATION_KIND_PROPOSAL_ANSWERED,
    Kind.PROPOSAL_UNDELIVERED: pb.NOTIFICATION_KIND_PROPOSAL_UNDELIVERED,
    Kind.FOLLOW_UP_FAILED: pb.NOTIFICATION_KIND_FOLLOW_UP_FAILED,
    Kind.REMINDER: pb.NOTIFICATION_KIND_REMINDER,
    Kind.BATCH_ASSIGNED: pb.NOTIFICATION_KIND_BATCH_ASSIGNED,
    Kind.SERIES_ASSIGNED: pb.NOTIFICATION_KIND_SERIES_ASSIGNED,
    Kind.REQUEST: pb.NOTIFICATION_KIND_REQUEST,
    Kind.HANDED_OVER: pb.NOTIFICATION_KIND_HANDED_OVER,
}


def preferences(*, daily_digest: bool) -> pb.NotificationPreferences:
    """Returns how somebody wants to be told."""
    return pb.NotificationPreferences(daily_digest=daily_digest)


def out(kept: Notification) -> pb.Notification:
    """Returns a notification."""
    return pb.Notification(
        id=str(kept.id),
        kind=_KINDS[kept.kind],
        actor_id=kept.actor_id,
        contact_id=str(kept.contact_id or ""),
        note_id=str(kept.note_id or ""),
        follow_up_id=str(kept.follow_up_id or ""),
        proposal_id=str(kept.proposal_id or ""),
        batch_id=str(kept.batch_id or ""),
        series_id=str(kept.series_id or ""),
        request_id=str(kept.request_id or ""),
        follow_up_count=kept.follow_up_count,
        title=kept.title,
        text=kept.text,
        event=kept.event,
        create_time=times.out(kept.create_time),
        read_time=times.out(kept.read_time),
        start_time=times.out(kept.start_time),
    )
