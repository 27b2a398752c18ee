"""Why somebody can or cannot see a campaign."""

from typing import Any

from crm.access.v1 import access_pb2
from crm.campaigns.v1 import access_service_pb2, access_service_pb2_grpc

from chassis.db import Sessions
from chassis.rpc.identities import Identities
from services import rights
from services.campaigns.rpc.requests import identifier
from services.campaigns.usecases import access

_ACTIONS = ("read", "write", "delete", "start", "export")


class AccessServicer(access_service_pb2_grpc.AccessServiceServicer):
    """Explains what somebody may do with a campaign that the caller can see."""

    def __init__(self, sessions: Sessions, identities: Identities) -> None:
        self._sessions = sessions
        self._identities = identities

    async def ExplainCampaignAccess(
        self, request: access_service_pb2.ExplainCampaignAccessRequest, _: Any
    ) -> access_pb2.AccessExplanation:
        """Explain it by the rights that they have now."""
        campaign_id, user_id = identifier("id", request.id), identifier("user_id", request.user_id)
        async with self._sessions.begin() as session:
            found = await access.campaign(session, campaign_id)
        thing = rights.Thing(team_id=found.team_id, creator=found.creator_id)
        who = await self._identities.principal(user_id)
        return rights.explained(who, access.RESOURCE, _ACTIONS, thing)
