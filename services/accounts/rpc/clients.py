"""Programs that call."""

from typing import Any

import grpc
from crm.accounts.v1 import user_pb2, user_service_pb2_grpc
from crm.accounts.v1 import user_service_pb2 as pb2
from pydantic import SecretStr

from chassis import db
from chassis.db import paging
from services.accounts import messages
from services.accounts.domain import fields
from services.accounts.rpc import lists
from services.accounts.storage import clients as kept_clients
from services.accounts.usecases import clients, found

Context = grpc.aio.ServicerContext[Any, Any]


class ApiClientServicer(user_service_pb2_grpc.ApiClientServiceServicer):
    """Serves `ApiClientService`."""

    def __init__(self, sessions: db.Sessions, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._seal_key = seal_key

    async def CreateApiClient(
        self, request: pb2.CreateApiClientRequest, context: Context
    ) -> user_pb2.ApiClient:
        """Adds a client; nobody can read its secret a second time."""
        given, problems = request.api_client, fields.Problems()
        named = fields.name_columns(given.name, "api_client.name", problems)
        granted = fields.checked_rights(
            messages.triples(given.rights), "api_client.rights", problems
        )
        problems.raise_if_any()
        expires = messages.time(given.expire_time) if given.HasField("expire_time") else None
        async with self._sessions.begin() as session:
            made, secret = await clients.create(session, str(named["name"]), granted, expires)
        return messages.api_client(made, secret)

    async def ListApiClients(
        self, request: pb2.ListApiClientsRequest, context: Context
    ) -> pb2.ListApiClientsResponse:
        """Lists clients by name, without their secrets."""
        wanted = {"list": "api_clients"}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        async with self._sessions.begin() as session:
            listed = await kept_clients.page(session, page.size + 1, lists.after(page))
        return pb2.ListApiClientsResponse(
            api_clients=[messages.api_client(client) for _, client in listed[: page.size]],
            next_page_token=lists.next_token(listed, page.size, wanted, self._seal_key),
        )

    async def RevokeApiClient(
        self, request: pb2.RevokeApiClientRequest, context: Context
    ) -> user_pb2.ApiClient:
        """Ends a client's use."""
        client_id = found.parsed(request.id, "api_client")
        async with self._sessions.begin() as session:
            return messages.api_client(await clients.revoke(session, client_id))
