"""Why somebody can or cannot see a follow-up or a proposal."""

from typing import Any
from uuid import UUID

import grpc
from crm.access.v1 import access_pb2
from crm.interactions.v1 import access_service_pb2 as pb2
from crm.interactions.v1 import access_service_pb2_grpc

from chassis import db
from chassis.rpc.identities import Identities
from services import rights
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.rpc import gate
from services.interactions.usecases import follow_ups, proposals

Context = grpc.aio.ServicerContext[Any, Any]
Asked = pb2.ExplainFollowUpAccessRequest | pb2.ExplainProposalAccessRequest

_ACTIONS = ("read", "write", "delete")
_NO_ID = UUID(int=0)


class AccessServicer(access_service_pb2_grpc.AccessServiceServicer):
    """Explains what somebody may do with one that the caller can see."""

    def __init__(self, sessions: db.Sessions, identities: Identities) -> None:
        self._sessions = sessions
        self._identities = identities

    async def ExplainFollowUpAccess(
        self, request: pb2.ExplainFollowUpAccessRequest, context: Context
    ) -> access_pb2.AccessExplanation:
        """Explains it by the rights that they have now."""
        its_id, user_id = _ids(request)
        async with self._sessions.begin() as session:
            found = await follow_ups.get(session, gate.reach("follow_ups", "read"), its_id)
        thing = rights.Thing(found.assignee_ids, found.team_id, found.creator_id)
        who = await self._identities.principal(user_id)
        return rights.explained(who, "follow_ups", _ACTIONS, thing)

    async def ExplainProposalAccess(
        self, request: pb2.ExplainProposalAccessRequest, context: Context
    ) -> access_pb2.AccessExplanation:
        """Explains it by the rights that they have now."""
        its_id, user_id = _ids(request)
        async with self._sessions.begin() as session:
            found = await proposals.get(session, gate.reach("proposals", "read"), its_id)
        owners = [found.owner_id] if found.owner_id else []
        who = await self._identities.principal(user_id)
        thing = rights.Thing(owners, found.team_id, found.creator_id)
        return rights.explained(who, "proposals", _ACTIONS, thing)


def _ids(request: Asked) -> tuple[UUID, UUID]:
    problems = Problems()
    its_id = fields.uuid(request.id, "id", problems)
    user_id = fields.uuid(request.user_id, "user_id", problems)
    problems.raise_if_any()
    return its_id or _NO_ID, user_id or _NO_ID
