"""Follow-ups, series, calendar, interactions, notes, notifications, timeline, and what waits."""

from services.gateway.api.table import Route, resource

_FOLLOW_UPS = "interactions.FollowUpService"
_LOG = "interactions.InteractionService"
_AGENDA = "interactions.AgendaService"
_REPORTS = "interactions.ReportService"
_LEADS = "interactions.LeadReportService"
_SERIES = "interactions.SeriesService"
_NOTES = "interactions.NoteService"
_TOLD = "interactions.NotificationService"
_CALENDAR = "interactions.CalendarService"
_HOURS = "interactions.WorkingHoursService"
_REASSIGN = "interactions.ReassignmentService"
_BATCHES = "interactions.FollowUpBatchService"
_REQUESTS = "interactions.RequestService"
_FEEDS = "interactions.FeedService"

ROUTES: tuple[Route, ...] = (
    *resource("/follow-ups", _FOLLOW_UPS, "FollowUp", "FollowUps", field="follow_up"),
    Route("POST", "/follow-ups/{id}:complete", f"{_FOLLOW_UPS}/CompleteFollowUp", "*"),
    Route("POST", "/follow-ups/{id}:cancel", f"{_FOLLOW_UPS}/CancelFollowUp", "*"),
    *resource(
        "/follow-up-batches",
        _BATCHES,
        "FollowUpBatch",
        "FollowUpBatches",
        field="follow_up_batch",
        only="create get list",
    ),
    Route("POST", "/follow-up-batches/{id}:cancel", f"{_BATCHES}/CancelFollowUpBatch", "*"),
    Route("POST", "/follow-up-batches/{id}:revert", f"{_BATCHES}/RevertFollowUpBatch", "*"),
    Route("GET", "/follow-up-batches/{id}:countRevert", f"{_BATCHES}/CountFollowUpBatchRevert"),
    Route("GET", "/follow-ups:countReassignment", f"{_REASSIGN}/CountReassignment"),
    Route("POST", "/follow-ups:reassign", f"{_REASSIGN}/ReassignFollowUps", "*"),
    Route("POST", "/follow-ups:reschedule", f"{_CALENDAR}/RescheduleFollowUps", "*"),
    Route("GET", "/follow-ups:overlaps", f"{_CALENDAR}/CheckOverlaps"),
    Route("GET", "/follow-ups/{id}/invitation.ics", f"{_CALENDAR}/GetInvitation", kind="calendar"),
    Route("GET", "/calendar", f"{_CALENDAR}/ListCalendar"),
    Route("GET", "/working-hours", f"{_HOURS}/GetWorkingHours"),
    Route("PATCH", "/working-hours", f"{_HOURS}/UpdateWorkingHours", "working_hours"),
    *resource("/calendar-feeds", _FEEDS, "Feed", "Feeds", field="feed", only="create list"),
    Route("DELETE", "/calendar-feeds/{id}", f"{_FEEDS}/RevokeFeed", status=204),
    *resource(
        "/series", _SERIES, "Series", "Series", field="series", only="create list get update"
    ),
    Route("DELETE", "/series/{id}", f"{_SERIES}/DeleteSeries"),
    Route("POST", "/series:preview", f"{_SERIES}/PreviewSeries", "*"),
    Route("POST", "/series/{id}:skip", f"{_SERIES}/SkipOccurrence", "*"),
    Route("POST", "/series/{id}:split", f"{_SERIES}/SplitSeries", "*"),
    Route("POST", "/series/{id}:pause", f"{_SERIES}/PauseSeries", "*"),
    Route("POST", "/series/{id}:resume", f"{_SERIES}/ResumeSeries", "*"),
    Route("POST", "/follow-ups:preview", f"{_FOLLOW_UPS}/PreviewFollowUp", "*"),
    Route("GET", "/follow-ups/{follow_up_id}/deliveries", f"{_FOLLOW_UPS}/ListFollowUpDeliveries"),
    Route(
        "GET",
        "/follow-ups/{follow_up_id}/contact-reminders",
        f"{_FOLLOW_UPS}/ListContactReminders",
    ),
    Route(
        "POST",
        "/contacts/{contact_id}/notes",
        f"{_NOTES}/CreateNote",
        "note",
        status=201,
        location="/notes/{id}",
    ),
    Route("GET", "/contacts/{contact_id}/notes", f"{_NOTES}/ListNotes"),
    Route("GET", "/notes/{id}", f"{_NOTES}/GetNote"),
    Route("PATCH", "/notes/{id}", f"{_NOTES}/UpdateNote", "*"),
    Route("DELETE", "/notes/{id}", f"{_NOTES}/DeleteNote", status=204),
    Route("GET", "/requests", f"{_REQUESTS}/ListRequests"),
    Route("GET", "/requests/{id}", f"{_REQUESTS}/GetRequest"),
    Route("POST", "/requests/{id}:reply", f"{_REQUESTS}/ReplyToRequest", "*"),
    Route("POST", "/requests/{id}:close", f"{_REQUESTS}/CloseRequest", "*"),
    Route("GET", "/notifications", f"{_TOLD}/ListNotifications"),
    Route("GET", "/notifications:countUnread", f"{_TOLD}/CountUnreadNotifications"),
    Route("POST", "/notifications/{id}:markRead", f"{_TOLD}/MarkNotificationRead", "*"),
    Route("POST", "/notifications:markAllRead", f"{_TOLD}/MarkAllNotificationsRead", "*"),
    Route("GET", "/notification-preferences", f"{_TOLD}/GetNotificationPreferences"),
    Route(
        "PATCH",
        "/notification-preferences",
        f"{_TOLD}/UpdateNotificationPreferences",
        "notification_preferences",
    ),
    Route(
        "POST",
        "/interactions",
        f"{_LOG}/CreateInteraction",
        "*",
        status=201,
        location="/interactions/{id}",
    ),
    Route("GET", "/interactions/{id}", f"{_LOG}/GetInteraction"),
    Route("DELETE", "/interactions/{id}", f"{_LOG}/DeleteInteraction", status=204),
    Route("GET", "/agenda", f"{_AGENDA}/ListQueue"),
    Route("GET", "/agenda/day", f"{_AGENDA}/GetDay"),
    Route("GET", "/standings", f"{_AGENDA}/ListStandings"),
    Route("POST", "/standings:batchGet", f"{_AGENDA}/BatchGetStandings", "*"),
    Route("GET", "/reports/follow-ups", f"{_REPORTS}/GetFollowUpReport"),
    Route("GET", "/reports/follow-ups:export", f"{_REPORTS}/ExportFollowUpReport", kind="csv"),
    Route("GET", "/reports/leads", f"{_LEADS}/GetLeadReport"),
    Route("GET", "/reports/leads:export", f"{_LEADS}/ExportLeadReport", kind="csv"),
    Route("GET", "/reports/leads/rows", f"{_LEADS}/ListReportedLeads"),
    Route("GET", "/contacts/{contact_id}/timeline", "interactions.TimelineService/ListTimeline"),
)
