"""The audit log."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any

import grpc
from crm.accounts.v1 import audit_pb2
from crm.accounts.v1 import audit_service_pb2 as pb2
from crm.accounts.v1 import audit_service_pb2_grpc as pb2_grpc
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import context as calls
from chassis import db
from chassis.db import paging
from services.accounts.domain import fields, walking, withheld
from services.accounts.domain.chain import Happening
from services.accounts.domain.walking import Head, Walk
from services.accounts.messages import audit as messages
from services.accounts.storage import audit, heads
from services.accounts.storage.audit import Filter, Place
from services.accounts.usecases import trail
from services.accounts.usecases.trail import Listed, Trail

Context = grpc.aio.ServicerContext[Any, Any]
Asked = pb2.ListAuditEntriesRequest | pb2.ExportAuditEntriesRequest

_BATCH = 1_000
_LONGEST_SUBJECT = 500
_TEXTS = ("subject_type", "subject_id", "actor_id", "action", "action_prefix", "service")


class AuditServicer(pb2_grpc.AuditServiceServicer):
    """Serves `AuditService`; one answer follows the chain for `verify_seconds`."""

    def __init__(
        self, sessions: db.Sessions, kept: Trail, seal_key: SecretStr, verify_seconds: float = 4.0
    ) -> None:
        self._sessions = sessions
        self._trail = kept
        self._seal_key = seal_key
        self._verify_seconds = verify_seconds

    async def ListAuditEntries(
        self, request: pb2.ListAuditEntriesRequest, context: Context
    ) -> pb2.ListAuditEntriesResponse:
        """Lists entries, those that happened last first."""
        wanted = _filter(request)
        page = paging.read(request.page_size, request.page_token, vars(wanted), self._seal_key)
        before: Any = page.after
        async with self._sessions.begin() as session:
            listed = await self._trail.page(session, wanted, page.size + 1, before)
        shown = listed[: page.size]
        token = ""
        if len(listed) > page.size:
            token = paging.token(_place(shown[-1]), vars(wanted), self._seal_key)
        return pb2.ListAuditEntriesResponse(
            entries=[_entry(it) for it in shown],
            next_page_token=token,
        )

    async def ExportAuditEntries(
        self, request: pb2.ExportAuditEntriesRequest, context: Context
    ) -> AsyncIterator[pb2.ExportAuditEntriesResponse]:
        """Sends all entries that there were when it began, after noting who asked."""
        wanted = _filter(request)
        async with self._sessions.begin() as session:
            newest = await trail.note_export(session, wanted)
        before: Place | None = None
        while True:
            async with self._sessions.begin() as session:
                found = await self._trail.page(session, wanted, _BATCH + 1, before, newest)
            shown = found[:_BATCH]
            if shown:
                lines = [messages.audit_line(_told(it), it.sequence, it.hash) for it in shown]
                yield pb2.ExportAuditEntriesResponse(entries=lines)
            if len(found) <= _BATCH:
                return
            before = _place(shown[-1])

    async def VerifyAudit(
        self, request: pb2.VerifyAuditRequest, context: Context
    ) -> pb2.VerifyAuditResponse:
        """Follows the chain for some seconds and says where it breaks."""
        given, asked = _expected(request.expected_head), {"expected_head": request.expected_head}
        page = paging.read(0, request.page_token, asked, self._seal_key)
        walk = Walk(sought=walking.unplaced(given))
        if page.after:
            walk = Walk.resumed(json.loads(str(page.after[0])))
        async with self._sessions.begin() as session:
            exported = await heads.behind(session, walk.sequence)
            newest, _ = await audit.head(session)
        compared = walking.by_place([*exported, *given])
        ends, ended = time.monotonic() + self._verify_seconds, False
        while not ended:
            async with self._sessions.begin() as session:
                ended = await trail.follow(session, walk, compared)
            if time.monotonic() > ends:
                break
        token = "" if ended else paging.token([json.dumps(walk.state())], asked, self._seal_key)
        return messages.verdict(walk, newest, token)

    async def EraseAuditValues(
        self, request: pb2.EraseAuditValuesRequest, context: Context
    ) -> empty_pb2.Empty:
        """Destroys the keys of a subject's values."""
        problems = fields.Problems()
        for field in ("subject_type", "subject_id"):
            if not getattr(request, field):
                problems.add(field, "is required")
            elif len(getattr(request, field)) > _LONGEST_SUBJECT:
                problems.add(field, f"longer than {_LONGEST_SUBJECT} characters")
            _check_characters(request, field, problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            await trail.erase(session, request.subject_type, request.subject_id)
        return empty_pb2.Empty()


def _entry(it: Listed) -> audit_pb2.AuditEntry:
    return messages.audit_entry(_told(it), it.sequence, it.hash, erased=it.erased)


def _told(it: Listed) -> Happening:
    return withheld.shown(it.told, calls.require_principal().hidden)


def _place(listed: Listed) -> Place:
    return listed.told.time, listed.sequence


def _expected(text: str) -> list[Head]:
    try:
        return [Head.read(text)] if text else []
    except ValueError:
        problems = fields.Problems()
        problems.add("expected_head", "is neither a hash nor a place and a hash")
        problems.raise_if_any()
        raise


def _check_characters(request: Any, field: str, problems: fields.Problems) -> None:
    if "\0" in getattr(request, field):
        problems.add(field, "has a character that no entry has")


def _filter(request: Asked) -> Filter:
    problems = fields.Problems()
    for name in _TEXTS:
        _check_characters(request, name, problems)
    problems.raise_if_any()
    # "from" is a word of Python, so it is no attribute.
    since = getattr(request, "from")
    return Filter(
        **{name: getattr(request, name) for name in _TEXTS},
        since=since.ToDatetime(tzinfo=UTC) if request.HasField("from") else None,
        until=request.until.ToDatetime(tzinfo=UTC) if request.HasField("until") else None,
    )
