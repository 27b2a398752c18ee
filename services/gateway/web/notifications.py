"""What the reader is told of: the bell, the list, and opening what one is about."""

from crm.interactions.v1 import notification_pb2, notification_service_pb2
from crm.interactions.v1.notification_service_pb2_grpc import NotificationServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import desk, lookups


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/notifications", endpoint="notifications")(listing)
    pages.get("/notifications/unread", endpoint="bell")(bell)
    pages.post("/notifications/read", endpoint="read_notifications")(read_all)
    pages.post("/notifications/digest", endpoint="choose_digest")(choose_digest)
    pages.post("/notifications/<uuid:notification_id>/open", endpoint="open_notification")(follow)


def listing() -> desk.View:
    """List what the reader is told, newest first; htmx asks for more rows alone."""
    asked = notification_service_pb2.ListNotificationsRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        unread_only=request.args.get("unread") == "1",
    )
    stub = desk.ask(NotificationServiceStub)
    found = stub.ListNotifications(asked)
    contacts = lookups.contacts([it.contact_id for it in found.notifications])
    if desk.partial():
        return desk.page("notifications_rows.html", found=found, contacts=contacts)
    wishes = notification_service_pb2.GetNotificationPreferencesRequest()
    return desk.page(
        "notifications.html",
        found=found,
        contacts=contacts,
        unread=asked.unread_only,
        wants_digest=stub.GetNotificationPreferences(wishes).daily_digest,
    )


def bell() -> desk.View:
    """Show how many are unread; without a number while interactions is away."""
    asked = notification_service_pb2.CountUnreadNotificationsRequest()
    counted = desk.maybe(
        lambda: desk.ask(NotificationServiceStub).CountUnreadNotifications(asked),
        source="interactions",
    )
    return desk.page("bell.html", counted=counted)


def follow(notification_id: object) -> desk.View:
    """Mark one as read and go to what it is about."""
    asked = notification_service_pb2.MarkNotificationReadRequest(id=str(notification_id))
    return desk.to(_place(desk.ask(NotificationServiceStub).MarkNotificationRead(asked)))


def read_all() -> desk.View:
    """Mark as read what the reader was shown, and nothing that came since."""
    asked = notification_service_pb2.MarkAllNotificationsReadRequest(
        until_id=request.form.get("until_id", "")
    )
    desk.ask(NotificationServiceStub).MarkAllNotificationsRead(asked)
    return desk.to(url_for("web.notifications"))


def choose_digest() -> desk.View:
    """Store whether the reader wants the daily e-mail."""
    wanted = notification_pb2.NotificationPreferences(
        daily_digest=request.form.get("daily_digest") == "yes"
    )
    asked = notification_service_pb2.UpdateNotificationPreferencesRequest(
        notification_preferences=wanted
    )
    desk.ask(NotificationServiceStub).UpdateNotificationPreferences(asked)
    flash(desk.t("notifications.digest_stored"))
    return desk.to(url_for("web.notifications"))


def _place(told: notification_pb2.Notification) -> str:
    if told.follow_up_id:
        return url_for("web.follow_up", follow_up_id=told.follow_up_id)
    if told.batch_id:
        return url_for("web.follow_ups", batch=told.batch_id)
    if told.series_id:
        return url_for("web.series", series_id=told.series_id)
    if told.request_id:
        return url_for("web.request", request_id=told.request_id)
    if told.kind == notification_pb2.NOTIFICATION_KIND_HANDED_OVER:
        return url_for("web.follow_ups")
    if told.proposal_id:
        return url_for("web.proposal", proposal_id=told.proposal_id)
    return url_for("web.contact", contact_id=told.contact_id, _anchor="story")
