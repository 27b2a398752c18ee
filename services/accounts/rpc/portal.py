"""PortalService: what customers take along of how they sign in."""

from datetime import timedelta
from typing import Any

import grpc
from crm.accounts.v1 import portal_service_pb2 as pb2
from crm.accounts.v1 import portal_service_pb2_grpc as pb2_grpc

from chassis import db
from services.accounts.messages import logins as messages
from services.accounts.usecases import my_login

Context = grpc.aio.ServicerContext[Any, Any]


class PortalServicer(pb2_grpc.PortalServiceServicer):
    """Serves customers, each of whom has one contact: the one that their token names."""

    def __init__(self, sessions: db.Sessions, idle: timedelta) -> None:
        self._sessions = sessions
        self._idle = idle

    async def ExportMyLogin(
        self, request: pb2.ExportMyLoginRequest, context: Context
    ) -> pb2.ExportMyLoginResponse:
        """Returns the customer's login and the browsers that are signed in."""
        async with self._sessions.begin() as session:
            return messages.exported(*await my_login.export(session, self._idle))
