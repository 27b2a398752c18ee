"""Programs that call."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from crm.accounts.v1 import user_pb2, user_service_pb2_grpc
from crm.accounts.v1 import user_service_pb2 as pb2
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import SecretStr

from chassis import db
from chassis.db import paging
from chassis.rpc import fieldmask
from services.accounts.domain import clients as rules
from services.accounts.domain import fields
from services.accounts.messages import clients as messages
from services.accounts.messages import people
from services.accounts.rpc import lists
from services.accounts.storage import clients as kept_clients
from services.accounts.usecases import clients, found

Context = grpc.aio.ServicerContext[Any, Any]

_FIELDS = ("name", "rights", "expire_time", "requests_per_minute")


class ApiClientServicer(user_service_pb2_grpc.ApiClientServiceServicer):
    """Serves `ApiClientService`."""

    def __init__(
        self, sessions: db.Sessions, seal_key: SecretStr, clock: Callable[[], datetime]
    ) -> None:
        self._sessions = sessions
        self._seal_key = seal_key
        self._clock = clock

    async def CreateApiClient(
        self, request: pb2.CreateApiClientRequest, context: Context
    ) -> user_pb2.ApiClient:
        """Adds a client; nobody can read its secret a second time."""
        columns, now = _columns(request.api_client, _FIELDS), self._clock()
        granted: Any = columns.pop("rights")
        async with self._sessions.begin() as session:
            made, secret = await clients.create(session, columns, granted, now)
        return messages.api_client(made, now, secret)

    async def GetApiClient(
        self, request: pb2.GetApiClientRequest, context: Context
    ) -> user_pb2.ApiClient:
        """Returns one client."""
        client_id = found.parsed(request.id, "api_client")
        async with self._sessions.begin() as session:
            return messages.api_client(await clients.get(session, client_id), self._clock())

    async def ListApiClients(
        self, request: pb2.ListApiClientsRequest, context: Context
    ) -> pb2.ListApiClientsResponse:
        """Lists clients by name, without their secrets."""
        filter_, now = _filter(request), self._clock()
        wanted = {"list": "api_clients", "filter": str(filter_)}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        async with self._sessions.begin() as session:
            listed = await kept_clients.page(
                session, page.size + 1, lists.after(page), filter_, now
            )
        return pb2.ListApiClientsResponse(
            api_clients=[messages.api_client(client, now) for _, client in listed[: page.size]],
            next_page_token=lists.next_token(listed, page.size, wanted, self._seal_key),
        )

    async def UpdateApiClient(
        self, request: pb2.UpdateApiClientRequest, context: Context
    ) -> user_pb2.ApiClient:
        """Changes the fields of the mask."""
        given = request.api_client
        client_id = found.parsed(given.id, "api_client")
        columns = _columns(given, fieldmask.paths(request.update_mask, given, _FIELDS))
        async with self._sessions.begin() as session:
            changed = await clients.update(session, client_id, given.etag, columns)
        return messages.api_client(changed, self._clock())

    async def RotateApiClientSecret(
        self, request: pb2.RotateApiClientSecretRequest, context: Context
    ) -> user_pb2.ApiClient:
        """Gives a client a new secret; nobody can read it a second time."""
        client_id, now = found.parsed(request.id, "api_client"), self._clock()
        lifetime = _lifetime(request)
        async with self._sessions.begin() as session:
            changed, secret = await clients.rotate(session, client_id, request.etag, lifetime, now)
        return messages.api_client(changed, now, secret)

    async def RevokeApiClient(
        self, request: pb2.RevokeApiClientRequest, context: Context
    ) -> user_pb2.ApiClient:
        """Ends a client's use."""
        client_id = found.parsed(request.id, "api_client")
        async with self._sessions.begin() as session:
            revoked = await clients.revoke(session, client_id)
        return messages.api_client(revoked, self._clock())


def _columns(given: user_pb2.ApiClient, paths: Collection[str]) -> dict[str, object]:
    """Returns the columns of the named fields; raises `InvalidArgument` naming each bad one."""
    problems = fields.Problems()
    columns: dict[str, object] = {}
    if "name" in paths:
        columns |= fields.name_columns(given.name, "api_client.name", problems)
    if "rights" in paths:
        triples = people.triples(given.rights)
        columns["rights"] = fields.checked_rights(triples, "api_client.rights", problems)
    if "expire_time" in paths:
        columns["expire_time"] = (
            _time(given.expire_time, "api_client.expire_time", problems)
            if given.HasField("expire_time")
            else None
        )
    if "requests_per_minute" in paths:
        if not 0 <= given.requests_per_minute <= rules.MOST_REQUESTS:
            problems.add("api_client.requests_per_minute", "must be 0 to 1,000,000")
        columns["requests_per_minute"] = given.requests_per_minute
    problems.raise_if_any()
    return columns


def _filter(request: pb2.ListApiClientsRequest) -> kept_clients.Filter:
    problems = fields.Problems()
    if len(request.query) > fields.LONGEST_NAME:
        problems.add("query", f"at most {fields.LONGEST_NAME} characters")
    unused, expires = (
        _time(getattr(request, name), name, problems) if request.HasField(name) else None
        for name in ("unused_since", "expires_before")
    )
    problems.raise_if_any()
    letters = fields.letters(request.query)
    return kept_clients.Filter(letters, messages.client_state(request.state), unused, expires)


def _lifetime(request: pb2.RotateApiClientSecretRequest) -> timedelta:
    if not request.HasField("old_secret_lifetime"):
        return rules.DEFAULT_LIFETIME
    seconds = request.old_secret_lifetime.seconds
    problems = fields.Problems()
    if not 0 <= seconds <= rules.LONGEST_LIFETIME.total_seconds():
        problems.add("old_secret_lifetime", "must be 0 to 30 days")
    problems.raise_if_any()
    return timedelta(seconds=seconds)


def _time(given: Timestamp, field: str, problems: fields.Problems) -> datetime | None:
    try:
        return given.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        problems.add(field, "is out of range")
        return None
