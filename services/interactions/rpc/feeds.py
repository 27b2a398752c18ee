"""Calendar feeds."""

import asyncio
from typing import Any
from uuid import UUID

import grpc
from crm.interactions.v1 import feed_service_pb2 as pb2
from crm.interactions.v1 import feed_service_pb2_grpc
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import context, db, scope
from chassis.context import Level
from chassis.db import paging
from chassis.errors import PermissionDenied
from chassis.rpc import times
from chassis.rpc.identities import Identities
from services.interactions.clients import Leads
from services.interactions.domain import feeds as rules
from services.interactions.domain import fields, ics
from services.interactions.domain.calendar import Entry
from services.interactions.domain.feeds import Feed
from services.interactions.domain.fields import Problems
from services.interactions.messages import feeds as messages
from services.interactions.messages import follow_ups
from services.interactions.storage import feeds as kept
from services.interactions.usecases import feeds as usecases
from services.interactions.usecases import found
from services.interactions.usecases.found import missing

Context = grpc.aio.ServicerContext[Any, Any]


class FeedServicer(feed_service_pb2_grpc.FeedServiceServicer):
    """Serves `FeedService`."""

    def __init__(
        self, sessions: db.Sessions, leads: Leads, owners: Identities, seal_key: SecretStr
    ) -> None:
        self._sessions = sessions
        self._leads = leads
        self._owners = owners
        self._seal_key = seal_key

    async def CreateFeed(
        self, request: pb2.CreateFeedRequest, context: Context
    ) -> pb2.CreateFeedResponse:
        """Makes a feed of what the caller has to do."""
        owner_id, problems = _owner(), Problems()
        name = fields.text(
            request.feed.name, "feed.name", rules.LONGEST_NAME, problems, required=True
        )
        problems.raise_if_any()
        types = follow_ups.types(request.feed.types)
        async with self._sessions.begin() as session:
            made, token = await usecases.create(session, owner_id, name, types)
        return pb2.CreateFeedResponse(feed=messages.out(made), path=rules.path(token))

    async def ListFeeds(
        self, request: pb2.ListFeedsRequest, context: Context
    ) -> pb2.ListFeedsResponse:
        """Lists the caller's own; there are never more than a page."""
        owner_id = _owner()
        wanted = {"owner_id": str(owner_id)}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        async with self._sessions.begin() as session:
            listed = await kept.of_owner(session, owner_id)
        if page.after is not None:
            listed = [it for it in listed if it.id < UUID(str(page.after[0]))]
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            token = paging.token([shown[-1].id], wanted, self._seal_key)
        return pb2.ListFeedsResponse(
            feeds=[messages.out(it) for it in shown], next_page_token=token
        )

    async def RevokeFeed(self, request: pb2.RevokeFeedRequest, context: Context) -> empty_pb2.Empty:
        """Ends one of the caller's own."""
        owner_id, feed_id = _owner(), found.parsed(request.id, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            await usecases.revoke(session, owner_id, feed_id)
        return empty_pb2.Empty()

    async def ReadFeed(
        self, request: pb2.ReadFeedRequest, context: Context
    ) -> pb2.ReadFeedResponse:
        """Returns what a feed shows now."""
        async with self._sessions.begin() as session:
            feed = await usecases.of_token(session, request.token)
        entries, names = await self._shown(feed)
        etag = rules.etag(feed.name, entries, names)
        made = b""
        if etag not in request.known_etags:
            # Apart from the loop, which a second's work on thousands of entries would hold up.
            made = await asyncio.to_thread(ics.feed, feed.name, entries, names)
        async with self._sessions.begin() as session:
            feed = await usecases.note_read(session, feed, etag)
        return pb2.ReadFeedResponse(ics=made, etag=etag, change_time=times.out(feed.change_time))

    async def _shown(self, feed: Feed) -> tuple[list[Entry], dict[UUID, str]]:
        """Returns what the owner may see now, with the names the owner may see now."""
        owner = await self._owners.principal(feed.owner_id)
        if owner is None:
            raise missing(usecases.RESOURCE, "")
        reach = scope.of(owner, owner.level("follow_ups", "read"))
        async with self._sessions.begin() as session:
            entries = list(await usecases.entries(session, feed, reach))
        ids = sorted({it.contact_id for it in entries if it.contact_id is not None})
        if not ids or owner.level("contacts", "read") is Level.NONE:
            return entries, {}
        return entries, await self._leads.names(ids, on_behalf_of=str(feed.owner_id))


def _owner() -> UUID:
    """Returns who calls; a service has nothing to do and no feed."""
    owner_id = scope.of(context.require_principal(), Level.OWN).user_id
    if owner_id is None:
        raise PermissionDenied(
            "RIGHT_MISSING", "only people have feeds", resource="feeds", action="write"
        )
    return owner_id
