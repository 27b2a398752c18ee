"""What people are told of."""

from typing import Any
from uuid import UUID

import grpc
from crm.interactions.v1 import notification_pb2, notification_service_pb2_grpc
from crm.interactions.v1 import notification_service_pb2 as pb2
from pydantic import SecretStr

from chassis import context, db
from chassis.db import paging
from chassis.errors import PermissionDenied
from services.interactions.domain import fields
from services.interactions.domain import notifications as rules
from services.interactions.domain.fields import Problems
from services.interactions.domain.notifications import MOST_COUNTED, Reader
from services.interactions.messages import notifications as messages
from services.interactions.storage import digests
from services.interactions.storage import notifications as kept
from services.interactions.usecases import found, notifying

Context = grpc.aio.ServicerContext[Any, Any]


class NotificationServicer(notification_service_pb2_grpc.NotificationServiceServicer):
    """Serves `NotificationService`."""

    def __init__(self, sessions: db.Sessions, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._seal_key = seal_key

    async def ListNotifications(
        self, request: pb2.ListNotificationsRequest, context: Context
    ) -> pb2.ListNotificationsResponse:
        """Lists the caller's own, newest first."""
        reader = _reader()
        wanted = {"user_id": str(reader.user_id), "unread_only": request.unread_only}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        before = UUID(str(page.after[0])) if page.after else None
        async with self._sessions.begin() as session:
            listed = await kept.page(
                session, reader, page.size + 1, before, unread_only=request.unread_only
            )
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            token = paging.token([shown[-1].id], wanted, self._seal_key)
        return pb2.ListNotificationsResponse(
            notifications=[messages.out(it) for it in shown], next_page_token=token
        )

    async def CountUnreadNotifications(
        self, request: pb2.CountUnreadNotificationsRequest, context: Context
    ) -> pb2.CountUnreadNotificationsResponse:
        """Counts what the caller has not read."""
        reader = _reader()
        async with self._sessions.begin() as session:
            count = await kept.count_unread(session, reader)
        return pb2.CountUnreadNotificationsResponse(
            count=min(count, MOST_COUNTED), more=count > MOST_COUNTED
        )

    async def MarkNotificationRead(
        self, request: pb2.MarkNotificationReadRequest, context: Context
    ) -> notification_pb2.Notification:
        """Marks one of the caller's own as read."""
        reader, wanted = _reader(), found.parsed(request.id, notifying.RESOURCE)
        async with self._sessions.begin() as session:
            return messages.out(await notifying.read(session, reader, wanted))

    async def MarkAllNotificationsRead(
        self, request: pb2.MarkAllNotificationsReadRequest, context: Context
    ) -> pb2.MarkAllNotificationsReadResponse:
        """Marks all of the caller's own as read, or those up to one."""
        reader, problems, until = _reader(), Problems(), None
        if request.until_id:
            until = fields.uuid(request.until_id, "until_id", problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            count = await kept.mark_read(session, reader, until=until)
        return pb2.MarkAllNotificationsReadResponse(count=count)

    async def GetNotificationPreferences(
        self, request: pb2.GetNotificationPreferencesRequest, context: Context
    ) -> notification_pb2.NotificationPreferences:
        """Returns how the caller wants to be told."""
        reader = _reader()
        async with self._sessions.begin() as session:
            wanted = await digests.is_wanted(session, reader.user_id)
        return messages.preferences(daily_digest=wanted)

    async def UpdateNotificationPreferences(
        self, request: pb2.UpdateNotificationPreferencesRequest, context: Context
    ) -> notification_pb2.NotificationPreferences:
        """Changes how the caller wants to be told."""
        reader, problems = _reader(), Problems()
        if not request.HasField("notification_preferences"):
            problems.add("notification_preferences", "is required")
        problems.raise_if_any()
        given = request.notification_preferences
        async with self._sessions.begin() as session:
            if given.HasField("daily_digest"):
                await digests.want(session, reader.user_id, wanted=given.daily_digest)
            wanted = await digests.is_wanted(session, reader.user_id)
        return messages.preferences(daily_digest=wanted)


def _reader() -> Reader:
    found = rules.reader(context.require_principal())
    if found is None:
        raise PermissionDenied(
            "RIGHT_MISSING", "only people are notified", resource="notifications", action="read"
        )
    return found
