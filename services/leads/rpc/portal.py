"""PortalService: what customers see and change of themselves."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from crm.leads.v1 import portal_pb2, portal_service_pb2, portal_service_pb2_grpc
from google.protobuf.message import Message
from pydantic import SecretStr

from chassis.db import Sessions, idempotency
from chassis.db.paging import Page
from chassis.rpc import lines
from services.leads.domain import my_consents
from services.leads.messages import portal as messages
from services.leads.rpc import pages
from services.leads.rpc.requests import Clock, Context
from services.leads.usecases import access, portal

pb = portal_service_pb2

_BATCH = 200

Rows = Callable[[Any, Page], Awaitable[tuple[Sequence[Any], tuple[object, ...] | None]]]


class PortalServicer(portal_service_pb2_grpc.PortalServiceServicer):
    """Serves customers, each of whom has one contact: the one that their token names."""

    def __init__(self, sessions: Sessions, seal: SecretStr, region: str, clock: Clock) -> None:
        self._sessions = sessions
        self._seal = seal
        self._region = region
        self._clock = clock

    async def GetMyProfile(
        self, request: pb.GetMyProfileRequest, context: Context
    ) -> portal_pb2.MyProfile:
        """Returns the customer's profile."""
        async with self._sessions.begin() as session:
            return messages.profile(await access.own(session))

    async def UpdateMyProfile(
        self, request: pb.UpdateMyProfileRequest, context: Context
    ) -> portal_pb2.MyProfile:
        """Changes the fields named in the mask."""
        given = request.profile
        changed = messages.paths(request.update_mask, given)
        redraft = functools.partial(messages.redraft, given=given, changed=changed)
        async with self._sessions.begin() as session:

            async def work() -> portal_pb2.MyProfile:
                made = await portal.change(
                    session, given.etag, redraft, home_region=self._region, now=self._clock()
                )
                return messages.profile(made)

            return await idempotency.once(
                session, "UpdateMyProfile", request, portal_pb2.MyProfile, work
            )

    async def ListMyConsents(
        self, request: pb.ListMyConsentsRequest, context: Context
    ) -> pb.ListMyConsentsResponse:
        """Lists how the customer's consents stand."""
        async with self._sessions.begin() as session:
            found = await portal.standings(session)
        return pb.ListMyConsentsResponse(consents=[messages.consent(it) for it in found])

    async def ChangeMyConsent(
        self, request: pb.ChangeMyConsentRequest, context: Context
    ) -> portal_pb2.MyConsent:
        """Gives or withdraws one."""
        wish = my_consents.checked(
            request.advertiser_id, request.purpose, request.channel, given=request.given
        )
        async with self._sessions.begin() as session:

            async def work() -> portal_pb2.MyConsent:
                return messages.consent(
                    await portal.change_consent(session, wish, now=self._clock())
                )

            return await idempotency.once(
                session, "ChangeMyConsent", request, portal_pb2.MyConsent, work
            )

    async def ListMyTransactions(
        self, request: pb.ListMyTransactionsRequest, context: Context
    ) -> pb.ListMyTransactionsResponse:
        """Lists the customer's transactions, newest first."""
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await portal.transactions(session, page)
        return pb.ListMyTransactionsResponse(
            transactions=[messages.transaction(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )

    async def ExportMyData(
        self, request: pb.ExportMyDataRequest, context: Context
    ) -> AsyncIterator[pb.ExportMyDataResponse]:
        """Streams profile, details, the ledger of consents and the transactions, page by page."""
        async with self._sessions.begin() as session:
            mine, source = await portal.note_export(session)
        told = lines.line("profile", messages.profile(mine))
        yield _answer([told, lines.line("details", messages.details(mine, source))])
        async for some in self._pages("consent", portal.entries, messages.entry):
            yield some
        async for some in self._pages("transaction", portal.transactions, messages.transaction):
            yield some

    async def _pages(
        self, what: str, rows: Rows, told: Callable[[Any], Message]
    ) -> AsyncIterator[pb.ExportMyDataResponse]:
        after: Any = None
        while True:
            async with self._sessions.begin() as session:
                found, after = await rows(session, Page(_BATCH, after))
            if found:
                yield _answer([lines.line(what, told(it)) for it in found])
            if after is None:
                return


def _answer(told: Sequence[bytes]) -> pb.ExportMyDataResponse:
    return pb.ExportMyDataResponse(lines=b"".join(told))
