"""Leads: who is in an audience, and what a template may say of a person."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import grpc
from crm.leads.v1 import (
    audience_service_pb2,
    audience_service_pb2_grpc,
    contact_pb2,
    contact_service_pb2,
)
from crm.leads.v1 import contact_service_pb2_grpc as contact_grpc

from chassis.config import ServiceSettings
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from chassis.scope import Scope, identity
from services.campaigns.domain.campaigns import Audience
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.planning import Member, People
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import ExclusionReason
from services.campaigns.messages import audiences

# One statement over everybody; a million people take a while.
FREEZE_SECONDS = 300.0
SAMPLE_SECONDS = 25.0
STREAM_SECONDS = 3_600.0

SERVICES = [
    audience_service_pb2.DESCRIPTOR.services_by_name["AudienceService"],
    contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"],
]


@dataclass(frozen=True)
class View:
    """For whom a message would be: what decides about consent and addresses."""

    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    variables: Sequence[str]


@dataclass(frozen=True)
class Sample:
    """How an audience would divide: size = reachable + the sum of excluded."""

    size: int
    reachable: int
    excluded: dict[ExclusionReason, int]
    members: list[Member]


class Leads:
    """Calls to leads; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._audiences = audience_service_pb2_grpc.AudienceServiceStub(channel)
        self._contacts = contact_grpc.ContactServiceStub(channel)

    async def sample(self, audience: Audience, view: View, size: int) -> Sample:
        """Return how an audience would divide, with up to `size` of the reachable."""
        found = await self._audiences.SampleAudience(
            audience_service_pb2.SampleAudienceRequest(
                query=audiences.query(audience), view=_view(view), sample_size=size
            ),
            timeout=SAMPLE_SECONDS,
        )
        excluded = {
            ExclusionReason.NO_ADDRESS: found.without_address,
            ExclusionReason.INVALID_ADDRESS: found.invalid_address,
            ExclusionReason.SHARED_ADDRESS: found.shared_address,
            ExclusionReason.NO_CONSENT: found.without_consent,
        }
        members = [audiences.member(each) for each in found.sample][:size]
        return Sample(found.size, found.reachable, excluded, members)

    async def anybody(self, audience: Audience) -> bool:
        """Return whether there is anybody in an audience."""
        request = audience_service_pb2.ProbeAudienceRequest(query=audiences.query(audience))
        return (await self._audiences.ProbeAudience(request, timeout=SAMPLE_SECONDS)).anybody

    async def freeze(self, run: Run) -> int:
        """Freeze the audience of a run, or find it frozen; returns how many people it has."""
        request = audience_service_pb2.FreezeAudienceRequest(
            run_id=str(run.id), query=audiences.query(run.audience)
        )
        return (await self._audiences.FreezeAudience(request, timeout=FREEZE_SECONDS)).size

    async def freeze_given(self, run_id: UUID, ids: AsyncIterator[bytes]) -> int:
        """Freeze contacts chosen here, 16 bytes each, or find a run's audience frozen."""

        async def requests() -> AsyncIterator[audience_service_pb2.FreezeContactsRequest]:
            yield audience_service_pb2.FreezeContactsRequest(run_id=str(run_id))
            async for some in ids:
                yield audience_service_pb2.FreezeContactsRequest(contact_ids=some)

        return (await self._audiences.FreezeContacts(requests(), timeout=FREEZE_SECONDS)).size

    async def stream(self, run: Run) -> AsyncGenerator[People, None]:
        """Yield the frozen people after the run's cursor, in batches, by ordinal."""
        view = View(run.channel, run.purpose, run.advertiser_id, run.variables)
        request = audience_service_pb2.StreamAudienceRequest(
            run_id=str(run.id), view=_view(view), after_ordinal=run.plan.cursor
        )
        async for batch in self._audiences.StreamAudience(request, timeout=STREAM_SECONDS):
            yield audiences.people(batch)

    async def release(self, run_id: UUID) -> None:
        """Forget the frozen audience of a run."""
        request = audience_service_pb2.ReleaseAudienceRequest(run_id=str(run_id))
        await self._audiences.ReleaseAudience(request)

    async def values(self, contact_id: UUID, reach: Scope) -> dict[str, str] | None:
        """Return a contact's values of all variables, None if there is none within reach.

        Inside `client.acting_for(somebody)` only contacts that they may see are found, and what
        their role hides has no value.
        """
        found = await self._within([str(contact_id)], reach)
        return audiences.contact_values(found[0]) if found else None

    async def readable(self, contact_ids: Sequence[bytes], reach: Scope) -> Collection[bytes]:
        """Return those of up to 1,000 contacts, 16 bytes each, that `values` would find."""
        found = await self._within([str(UUID(bytes=it)) for it in contact_ids], reach)
        return {UUID(it.id).bytes for it in found}

    async def _within(self, ids: Sequence[str], reach: Scope) -> Sequence[contact_pb2.Contact]:
        """Return contacts within reach.

        An accounts of the release before acts for programs with all their rights, whatever their
        token carries.
        """
        request = contact_service_pb2.BatchGetContactsRequest(ids=ids)
        found = await self._contacts.BatchGetContacts(request)
        return [it for it in found.contacts if _reached(it, reach)]


def connect(settings: ServiceSettings, address: str, tokens: TokenSource) -> Leads:
    """Return a client that connects when it is first used."""
    return Leads(client.channel(address, settings, tokens, SERVICES))


def _view(view: View) -> audience_service_pb2.AudienceView:
    return audiences.view(view.channel, view.purpose, view.advertiser_id, view.variables)


def _reached(contact: contact_pb2.Contact, reach: Scope) -> bool:
    return reach.covers([UUID(it) for it in contact.owner_ids], identity(contact.team_id))
