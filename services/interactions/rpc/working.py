"""When people work."""

from typing import Any

import grpc
from crm.interactions.v1 import working_hours_pb2, working_hours_service_pb2_grpc
from crm.interactions.v1 import working_hours_service_pb2 as pb2

from chassis import db
from chassis.rpc import fieldmask
from services.interactions.domain import fields
from services.interactions.domain import working as rules
from services.interactions.domain.fields import Problems
from services.interactions.messages import working as messages
from services.interactions.rpc import gate
from services.interactions.storage import working as kept
from services.interactions.usecases import working as usecases

Context = grpc.aio.ServicerContext[Any, Any]


class WorkingHoursServicer(working_hours_service_pb2_grpc.WorkingHoursServiceServicer):
    """Serves `WorkingHoursService`."""

    def __init__(self, sessions: db.Sessions) -> None:
        self._sessions = sessions

    async def GetWorkingHours(
        self, request: pb2.GetWorkingHoursRequest, context: Context
    ) -> working_hours_pb2.WorkingHours:
        """Returns what counts for a team or the organisation; anybody may know it."""
        problems = Problems()
        team_id = fields.uuid(request.team_id, "team_id", problems) if request.team_id else None
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            own = await kept.get(session, team_id)
            # An organisation that has taken all its hours away keeps its holidays.
            found = own if own and not team_id else await kept.effective(session, team_id)
        return messages.out(found)

    async def UpdateWorkingHours(
        self, request: pb2.UpdateWorkingHoursRequest, context: Context
    ) -> working_hours_pb2.WorkingHours:
        """Changes those of the organisation or a team."""
        caller, given, problems = gate.may("follow_ups", "write"), request.working_hours, Problems()
        at = "working_hours.team_id"
        team_id = fields.uuid(given.team_id, at, problems) if given.team_id else None
        paths = fieldmask.paths(request.update_mask, given, (*rules.FIELDS, "team_id"))
        asked = [path for path in paths if path != "team_id"]
        columns = rules.columns(messages.fields(given, asked), problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            after = await usecases.update(session, caller, team_id, given.etag, columns)
            return messages.out(after)
