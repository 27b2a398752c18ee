"""What people are told, as they read it."""

from typing import Any

from crm.interactions.v1 import note_service_pb2
from crm.interactions.v1 import notification_service_pb2 as pb2
from crm.interactions.v1.note_pb2 import Note
from crm.interactions.v1.notification_pb2 import NotificationKind

from tests.integration.interactions.house import person


def colleague(house: Any, level: str = "all", **rights: str) -> Any:
    """A user whom accounts knows."""
    made = person(level, **rights)
    house.people[made.subject] = made
    return made


async def write(house: Any, who: Any, contact: str, *mentioned: str, **more: Any) -> Any:
    note = Note(contact_id=contact, text="@Bình xem giúp", mentioned_user_ids=mentioned)
    return await house.notes(who).CreateNote(note_service_pb2.CreateNoteRequest(note=note, **more))


async def told(house: Any, who: Any, **more: Any) -> list[Any]:
    listed = await house.notifications(who).ListNotifications(pb2.ListNotificationsRequest(**more))
    return list(listed.notifications)


async def kinds(house: Any, who: Any) -> list[str]:
    """What somebody is told, newest first."""
    found = [NotificationKind.Name(it.kind) for it in await told(house, who)]
    return [it.removeprefix("NOTIFICATION_KIND_") for it in found]


async def unread(house: Any, who: Any) -> tuple[int, bool]:
    request = pb2.CountUnreadNotificationsRequest()
    counted = await house.notifications(who).CountUnreadNotifications(request)
    return counted.count, counted.more
