"""Tokens for programs over gRPC."""

from typing import Any

import grpc
from crm.accounts.v1 import session_service_pb2 as pb2
from crm.accounts.v1 import session_service_pb2_grpc as pb2_grpc

from chassis import db
from services.accounts.messages import sessions as messages
from services.accounts.rpc import callers, grants
from services.accounts.usecases import tokens

Context = grpc.aio.ServicerContext[Any, Any]


class TokenServicer(pb2_grpc.TokenServiceServicer):
    """Serves `TokenService`; needs no token."""

    def __init__(self, sessions: db.Sessions, issuer: tokens.Issuer) -> None:
        self._sessions = sessions
        self._issuer = issuer

    async def IssueToken(
        self, request: pb2.IssueTokenRequest, context: Context
    ) -> pb2.IssueTokenResponse:
        """Gives a token for a client's id and secret."""
        issued = await grants.give(
            self._sessions,
            self._issuer,
            callers.address(context),
            request.client_id,
            request.client_secret,
            request.audience,
            scope=request.scope,
        )
        return messages.issued(issued.text, issued.expire_time, issued.scope)
