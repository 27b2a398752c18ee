"""The audit log."""

from typing import Any

import grpc
from crm.accounts.v1 import audit_service_pb2 as pb2
from crm.accounts.v1 import audit_service_pb2_grpc as pb2_grpc
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import db
from chassis.db import paging
from services.accounts import messages
from services.accounts.domain import fields
from services.accounts.storage.audit import Filter
from services.accounts.usecases import trail
from services.accounts.usecases.trail import Trail

Context = grpc.aio.ServicerContext[Any, Any]


class AuditServicer(pb2_grpc.AuditServiceServicer):
    """Serves `AuditService`."""

    def __init__(self, sessions: db.Sessions, kept: Trail, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._trail = kept
        self._seal_key = seal_key

    async def ListAuditEntries(
        self, request: pb2.ListAuditEntriesRequest, context: Context
    ) -> pb2.ListAuditEntriesResponse:
        """Lists entries, newest first."""
        wanted = _filter(request)
        page = paging.read(request.page_size, request.page_token, vars(wanted), self._seal_key)
        before: Any = page.after[0] if page.after else None
        async with self._sessions.begin() as session:
            listed = await self._trail.page(session, wanted, page.size + 1, before)
        shown = listed[: page.size]
        more = len(listed) > page.size
        last = [shown[-1][0]] if more else []
        return pb2.ListAuditEntriesResponse(
            entries=[messages.audit_entry(told, at, digest) for at, digest, told in shown],
            next_page_token=paging.token(last, vars(wanted), self._seal_key) if more else "",
        )

    async def VerifyAudit(
        self, request: pb2.VerifyAuditRequest, context: Context
    ) -> pb2.VerifyAuditResponse:
        """Recomputes the chain and says where it breaks."""
        async with self._sessions.begin() as session:
            verdict = await trail.verify(session)
        return pb2.VerifyAuditResponse(
            intact=verdict.intact,
            entries=verdict.entries,
            broken_at=verdict.broken_at,
            head=verdict.head.hex(),
        )

    async def EraseAuditValues(
        self, request: pb2.EraseAuditValuesRequest, context: Context
    ) -> empty_pb2.Empty:
        """Destroys the keys of a subject's values."""
        problems = fields.Problems()
        for field in ("subject_type", "subject_id"):
            if not getattr(request, field):
                problems.add(field, "is required")
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            await trail.erase(session, request.subject_type, request.subject_id)
        return empty_pb2.Empty()


def _filter(request: pb2.ListAuditEntriesRequest) -> Filter:
    # "from" is a word of Python, so it is no attribute.
    since = getattr(request, "from")
    return Filter(
        subject_type=request.subject_type,
        subject_id=request.subject_id,
        actor_id=request.actor_id,
        action=request.action,
        since=messages.time(since) if request.HasField("from") else None,
        until=messages.time(request.until) if request.HasField("until") else None,
    )
