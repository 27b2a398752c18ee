"""SenderService."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from crm.notifier.v1 import (
    suppression_pb2,
    suppression_service_pb2,
    suppression_service_pb2_grpc,
)
from pydantic import SecretStr

from chassis.db import Sessions, idempotency, paging
from chassis.rpc import fieldmask
from services.notifier.domain.checks import Checks
from services.notifier.domain.rules import Rules
from services.notifier.messages import resources
from services.notifier.rpc import identities
from services.notifier.storage import lookups, senders
from services.notifier.storage.senders import Advertiser
from services.notifier.usecases import senders as usecases

_LONGEST = {"name": 120, "postal_address": 300, "contact": 200}


class SenderServicer(suppression_service_pb2_grpc.SenderServiceServicer):
    """Legal entities and their sender identities."""

    def __init__(self, sessions: Sessions, seal_key: SecretStr, rules: Rules) -> None:
        self._sessions = sessions
        self._seal_key = seal_key
        self._rules = rules

    async def CreateAdvertiser(
        self, request: suppression_service_pb2.CreateAdvertiserRequest, _: Any
    ) -> suppression_pb2.Advertiser:
        """Adds an advertiser."""
        new = _advertiser(request.advertiser)
        async with self._sessions.begin() as session:

            async def work() -> suppression_pb2.Advertiser:
                return resources.advertiser(await usecases.add_advertiser(session, new))

            return await idempotency.once(
                session, "CreateAdvertiser", request, suppression_pb2.Advertiser, work
            )

    async def GetAdvertiser(
        self, request: suppression_service_pb2.GetAdvertiserRequest, _: Any
    ) -> suppression_pb2.Advertiser:
        """One advertiser."""
        id = _id(request.id)
        async with self._sessions.begin() as session:
            return resources.advertiser(await usecases.advertiser(session, id))

    async def ListAdvertisers(
        self, request: suppression_service_pb2.ListAdvertisersRequest, _: Any
    ) -> suppression_service_pb2.ListAdvertisersResponse:
        """One page by name."""
        page = paging.read(request.page_size, request.page_token, {}, self._seal_key)
        after = (page.after[0], page.after[1]) if page.after else None
        async with self._sessions.begin() as session:
            found = await senders.advertisers(session, after, page.size + 1)  # type: ignore[arg-type]
        shown = found[: page.size]
        token = ""
        if len(found) > page.size:
            token = paging.token([shown[-1].name, shown[-1].id], {}, self._seal_key)
        return suppression_service_pb2.ListAdvertisersResponse(
            advertisers=[resources.advertiser(it) for it in shown], next_page_token=token
        )

    async def UpdateAdvertiser(
        self, request: suppression_service_pb2.UpdateAdvertiserRequest, _: Any
    ) -> suppression_pb2.Advertiser:
        """Changes an advertiser."""
        given = request.advertiser
        paths = fieldmask.paths(request.update_mask, given, tuple(_LONGEST))
        checks = Checks()
        id = checks.uuid("advertiser.id", given.id)
        changes = {
            path: checks.text(
                f"advertiser.{path}",
                getattr(given, path),
                _LONGEST[path],
                required=path != "contact",
            )
            for path in paths
        }
        checks.end()
        async with self._sessions.begin() as session:
            changed = await usecases.change_advertiser(
                session, id or UUID(int=0), given.etag, changes
            )
        return resources.advertiser(changed)

    async def CreateSenderIdentity(
        self, request: suppression_service_pb2.CreateSenderIdentityRequest, _: Any
    ) -> suppression_pb2.SenderIdentity:
        """Adds a sender identity."""
        new = identities.added(request.sender_identity, datetime.now(UTC), self._rules)
        async with self._sessions.begin() as session:

            async def work() -> suppression_pb2.SenderIdentity:
                return resources.identity(await usecases.add_identity(session, new))

            return await idempotency.once(
                session, "CreateSenderIdentity", request, suppression_pb2.SenderIdentity, work
            )

    async def UpdateSenderIdentity(
        self, request: suppression_service_pb2.UpdateSenderIdentityRequest, _: Any
    ) -> suppression_pb2.SenderIdentity:
        """Changes a sender identity."""
        given = request.sender_identity
        id, change = identities.change(request, datetime.now(UTC), self._rules)
        async with self._sessions.begin() as session:
            changed = await usecases.change_identity(session, id, given.etag, change)
        return resources.identity(changed)

    async def GetSenderIdentity(
        self, request: suppression_service_pb2.GetSenderIdentityRequest, _: Any
    ) -> suppression_pb2.SenderIdentity:
        """One sender identity."""
        id = _id(request.id)
        async with self._sessions.begin() as session:
            return resources.identity(await usecases.identity(session, id))

    async def ListSenderIdentities(
        self, request: suppression_service_pb2.ListSenderIdentitiesRequest, _: Any
    ) -> suppression_service_pb2.ListSenderIdentitiesResponse:
        """One page by id."""
        checks = Checks()
        advertiser = checks.uuid("advertiser_id", request.advertiser_id, required=False)
        checks.end()
        fields = {"advertiser": request.advertiser_id, "channel": request.channel}
        page = paging.read(request.page_size, request.page_token, fields, self._seal_key)
        async with self._sessions.begin() as session:
            found = await senders.identities(
                session,
                advertiser_id=advertiser,
                channel=request.channel,
                after=page.after[0] if page.after else None,  # type: ignore[arg-type]
                limit=page.size + 1,
            )
        shown = found[: page.size]
        more = len(found) > page.size
        return suppression_service_pb2.ListSenderIdentitiesResponse(
            sender_identities=[resources.identity(it) for it in shown],
            next_page_token=paging.token([shown[-1].id], fields, self._seal_key) if more else "",
        )

    async def ListProviders(
        self, request: suppression_service_pb2.ListProvidersRequest, _: Any
    ) -> suppression_service_pb2.ListProvidersResponse:
        """The providers of this notifier."""
        async with self._sessions.begin() as session:
            found = await lookups.providers(session)
        return suppression_service_pb2.ListProvidersResponse(
            providers=[resources.provider(it) for it in found]
        )


def _id(value: str) -> UUID:
    checks = Checks()
    id = checks.uuid("id", value)
    checks.end()
    return id or UUID(int=0)


def _advertiser(given: suppression_pb2.Advertiser) -> Advertiser:
    checks = Checks()
    fields = {
        name: checks.text(
            f"advertiser.{name}", getattr(given, name), longest, required=name != "contact"
        )
        for name, longest in _LONGEST.items()
    }
    checks.end()
    return Advertiser(
        id=uuid_utils.compat.uuid7(), revision=1, created_at=datetime.now(UTC), **fields
    )
