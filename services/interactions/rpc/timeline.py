"""A contact's story, merged from what is kept here and what campaigns knows."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import grpc
import structlog
from crm.interactions.v1 import note_service_pb2 as pb2
from crm.interactions.v1 import note_service_pb2_grpc
from pydantic import SecretStr

from chassis import db, errors
from chassis.context import Level
from chassis.db import paging
from services.interactions.clients import Campaigns
from services.interactions.domain import timeline as rules
from services.interactions.domain.fields import Problems
from services.interactions.domain.timeline import Batch, Cursor, Kind
from services.interactions.messages import timeline as messages
from services.interactions.rpc import gate
from services.interactions.storage import timeline as kept
from services.interactions.usecases import found

Context = grpc.aio.ServicerContext[Any, Any]

_SOURCE = "campaigns"

log = structlog.get_logger()


class TimelineServicer(note_service_pb2_grpc.TimelineServiceServicer):
    """Serves `TimelineService`; `messages_seconds` bounds the wait for campaigns."""

    def __init__(
        self,
        sessions: db.Sessions,
        contacts: gate.Gate,
        campaigns: Campaigns,
        messages_seconds: float,
        seal_key: SecretStr,
    ) -> None:
        self._sessions = sessions
        self._contacts = contacts
        self._campaigns = campaigns
        self._messages_seconds = messages_seconds
        self._seal_key = seal_key

    async def ListTimeline(
        self, request: pb2.ListTimelineRequest, context: Context
    ) -> pb2.ListTimelineResponse:
        """Lists a contact's story, newest first."""
        contact_id = found.parsed(request.contact_id, "contact")
        kinds = _kinds(request.kinds)
        wanted = {"contact_id": str(contact_id), "kinds": list(kinds)}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        size, cursor = min(page.size, rules.LARGEST_PAGE), _cursor(page)
        await self._contacts.visible(contact_id)
        local, batches = await asyncio.gather(
            self._local(contact_id, kinds, size + 1, cursor),
            self._messages(contact_id, kinds, size + 1, cursor),
        )
        merged = rules.merge(cursor, local, batches, size)
        return pb2.ListTimelineResponse(
            entries=[messages.out(entry) for entry in merged.entries],
            next_page_token=self._token(merged.cursor, wanted),
            unavailable_sources=[] if batches is not None else [_SOURCE],
        )

    async def _local(
        self, contact_id: UUID, kinds: Sequence[Kind], size: int, cursor: Cursor
    ) -> Sequence[rules.Entry]:
        reach, offers, asked = (
            gate.reach(it, "read") for it in ("follow_ups", "proposals", "requests")
        )
        may_read = gate.reach("notes", "read").level is not Level.NONE
        hidden = set() if may_read else {Kind.NOTE, Kind.INTERACTION}
        shown = [kind for kind in kinds if kind not in hidden]
        async with self._sessions.begin() as session:
            return await kept.page(
                session,
                contact_id,
                shown,
                reach,
                size,
                cursor.before,
                offers=offers,
                asked=asked,
            )

    async def _messages(
        self, contact_id: UUID, kinds: Sequence[Kind], size: int, cursor: Cursor
    ) -> Sequence[Batch] | None:
        """Returns pages with at least `size` messages not shown yet; None without an answer."""
        if Kind.MESSAGE not in kinds or cursor.exhausted:
            return []
        batches: list[Batch] = []
        token = cursor.token
        try:
            async with asyncio.timeout(self._messages_seconds):
                while True:
                    batches.append(await self._campaigns.messages(contact_id, size, token))
                    token = batches[-1].next_token
                    if not token or len(rules.unseen(batches, cursor.after_key)) >= size:
                        return batches
        except (errors.Error, grpc.RpcError, TimeoutError) as away:
            log.warning("source_unavailable", source=_SOURCE, error=type(away).__name__)
            return None

    def _token(self, cursor: Cursor | None, wanted: Mapping[str, object]) -> str:
        if cursor is None or cursor.before is None:
            return ""
        keys: list[paging.Key] = [*cursor.before, cursor.token, cursor.after_key, cursor.exhausted]
        return paging.token(keys, wanted, self._seal_key)


def _cursor(page: paging.Page) -> Cursor:
    if page.after is None:
        return Cursor()
    keys: Any = page.after
    time, entry_id, token, after_key, exhausted = keys
    return Cursor((time, entry_id), token, after_key, exhausted)


def _kinds(given: Sequence[str]) -> Sequence[Kind]:
    problems, known = Problems(), set(Kind)
    for at, kind in enumerate(given):
        if kind not in known:
            problems.add(f"kinds[{at}]", f"none of {', '.join(Kind)}")
    problems.raise_if_any()
    return sorted({Kind(kind) for kind in given}) or list(Kind)
