"""Follow-ups, notes and the timeline."""

from services.gateway.api.table import Route, resource

_FOLLOW_UPS = "interactions.FollowUpService"
_NOTES = "interactions.NoteService"

ROUTES: tuple[Route, ...] = (
    *resource("/follow-ups", _FOLLOW_UPS, "FollowUp", "FollowUps", field="follow_up"),
    Route("POST", "/follow-ups/{id}:complete", f"{_FOLLOW_UPS}/CompleteFollowUp", "*"),
    Route("POST", "/follow-ups/{id}:cancel", f"{_FOLLOW_UPS}/CancelFollowUp", "*"),
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
    Route("GET", "/contacts/{contact_id}/timeline", "interactions.TimelineService/ListTimeline"),
)
