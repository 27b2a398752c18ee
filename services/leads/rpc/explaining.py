"""Why somebody can or cannot see a contact."""

from typing import Any

import grpc
from crm.access.v1 import access_pb2
from crm.leads.v1 import access_service_pb2, access_service_pb2_grpc

from chassis import scope
from chassis.db import Sessions
from chassis.rpc.identities import Identities
from services import rights
from services.leads.domain.fields import Checks
from services.leads.usecases import access

Context = grpc.aio.ServicerContext[Any, Any]

_ACTIONS = ("read", "write", "delete", "erase")


class AccessServicer(access_service_pb2_grpc.AccessServiceServicer):
    """Explains what somebody may do with a contact that the caller can see."""

    def __init__(self, sessions: Sessions, identities: Identities) -> None:
        self._sessions = sessions
        self._identities = identities

    async def ExplainContactAccess(
        self, request: access_service_pb2.ExplainContactAccessRequest, context: Context
    ) -> access_pb2.AccessExplanation:
        """Explains it by the rights that they have now."""
        checks = Checks()
        contact_id, user_id = checks.id("id", request.id), checks.id("user_id", request.user_id)
        checks.finish()
        async with self._sessions.begin() as session:
            profile = (await access.visible(session, contact_id)).profile
        thing = rights.Thing(profile.owner_ids, scope.identity(profile.team_id))
        who = await self._identities.principal(user_id)
        return rights.explained(who, access.CONTACTS, _ACTIONS, thing)
