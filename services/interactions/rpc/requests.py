"""Customers' requests, as staff answer them."""

from collections.abc import Mapping
from typing import Any

import grpc
from crm.interactions.v1 import request_pb2, request_service_pb2_grpc
from crm.interactions.v1 import request_service_pb2 as pb2
from pydantic import SecretStr

from chassis import db
from chassis.db import idempotency, paging
from services.interactions.domain import fields
from services.interactions.domain import requests as rules
from services.interactions.domain.fields import Problems
from services.interactions.messages import requests as messages
from services.interactions.rpc import gate
from services.interactions.storage import requests as kept
from services.interactions.storage.requests import Filter
from services.interactions.usecases import found
from services.interactions.usecases import requests as usecases

Context = grpc.aio.ServicerContext[Any, Any]


class RequestServicer(request_service_pb2_grpc.RequestServiceServicer):
    """Serves `RequestService`."""

    def __init__(self, sessions: db.Sessions, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._seal_key = seal_key

    async def ListRequests(
        self, request: pb2.ListRequestsRequest, _: Context
    ) -> pb2.ListRequestsResponse:
        """Lists those within reach, newest first."""
        readable = gate.may("requests", "read")
        wanted = _filter(request)
        page = paging.read(request.page_size, request.page_token, vars(wanted), self._seal_key)
        before: Any = page.after
        async with self._sessions.begin() as session:
            listed = await kept.page(session, wanted, readable, page.size + 1, before)
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            last = shown[-1]
            token = paging.token([last.create_time, last.id], vars(wanted), self._seal_key)
        return pb2.ListRequestsResponse(
            requests=[messages.out(it) for it in shown], next_page_token=token
        )

    async def GetRequest(self, request: pb2.GetRequestRequest, _: Context) -> request_pb2.Request:
        """Returns one within reach, with its replies."""
        readable = gate.may("requests", "read")
        request_id = found.parsed(request.id, rules.RESOURCE)
        async with self._sessions.begin() as session:
            one = await usecases.get(session, readable, request_id)
            return messages.out(one, await kept.replies(session, one.id))

    async def ReplyToRequest(
        self, request: pb2.ReplyToRequestRequest, _: Context
    ) -> request_pb2.Request:
        """Answers one."""
        allowed, readable = gate.may("requests", "write"), gate.reach("requests", "read")
        request_id, words = found.parsed(request.id, rules.RESOURCE), rules.words(request.text)
        async with self._sessions.begin() as session:

            async def answer() -> request_pb2.Request:
                before = await usecases.locked(session, readable, allowed, request_id)
                after = await usecases.answer(session, allowed, before, words)
                return messages.out(after, await kept.replies(session, after.id))

            return await idempotency.once(
                session, "ReplyToRequest", request, request_pb2.Request, answer
            )

    async def CloseRequest(
        self, request: pb2.CloseRequestRequest, _: Context
    ) -> request_pb2.Request:
        """Closes one."""
        allowed, readable = gate.may("requests", "write"), gate.reach("requests", "read")
        request_id = found.parsed(request.id, rules.RESOURCE)
        async with self._sessions.begin() as session:
            before = await usecases.locked(session, readable, allowed, request_id)
            after = await usecases.close(session, before, request.etag)
            return messages.out(after, await kept.replies(session, after.id))


def _filter(request: pb2.ListRequestsRequest) -> Filter:
    problems = Problems()
    given: Mapping[str, str] = {
        "contact_id": request.contact_id,
        "assignee_id": request.assignee_id,
    }
    ids = {
        name: fields.uuid(text, name, problems) if text else None for name, text in given.items()
    }
    problems.raise_if_any()
    return Filter(
        ids["contact_id"],
        ids["assignee_id"],
        messages.states(request.states),
        messages.kinds(request.kinds),
    )
