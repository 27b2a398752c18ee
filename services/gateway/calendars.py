"""iCalendar files as answers."""

from crm.interactions.v1 import calendar_service_pb2
from flask import Response

MIMETYPE = "text/calendar; charset=utf-8"


def file(invitation: calendar_service_pb2.Invitation) -> Response:
    """Return the invitation as a file to open or send."""
    response = Response(invitation.ics, content_type=f"{MIMETYPE}; method={invitation.method}")
    response.headers["Content-Disposition"] = 'attachment; filename="invitation.ics"'
    response.headers["Cache-Control"] = "no-store"
    return response
