"""Those whom leads has erase people: every other service that keeps anything of them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import UUID

import grpc
from crm.accounts.v1 import erasure_service_pb2 as accounts_pb2
from crm.accounts.v1 import erasure_service_pb2_grpc as accounts_grpc
from crm.campaigns.v1 import erasure_service_pb2 as campaigns_pb2
from crm.campaigns.v1 import erasure_service_pb2_grpc as campaigns_grpc
from crm.erasure.v1 import erasure_pb2
from crm.interactions.v1 import erasure_service_pb2 as interactions_pb2
from crm.interactions.v1 import erasure_service_pb2_grpc as interactions_grpc
from crm.notifier.v1 import erasure_service_pb2 as notifier_pb2
from crm.notifier.v1 import erasure_service_pb2_grpc as notifier_grpc

from chassis import errors
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from services import erasure_messages
from services.erasing import Erased, Person
from services.leads.config import Settings

NOTIFIER, CAMPAIGNS = "notifier", "campaigns"

_SECONDS = 600.0
_OLD = grpc.StatusCode.UNIMPLEMENTED.name

Answer = Erased | str
"""What a peer erased, or the reason why it did not answer."""


class Stub(Protocol):
    """A peer's ErasureService."""

    ErasePerson: Callable[..., "grpc.aio.UnaryUnaryCall[object, erasure_pb2.ErasePersonResponse]"]


class Peers:
    """Asks all at once; one that is away hinders no other."""

    def __init__(self, stubs: Mapping[str, Stub]) -> None:
        self._stubs = stubs

    @property
    def notifiers(self) -> int:
        """How many notifiers it knows: each region has one."""
        return sum(it.startswith(NOTIFIER) for it in self._stubs)

    async def erase(self, erasure_id: UUID, person: Person) -> dict[str, Answer]:
        """Return what each said, by its name.

        Notifiers come first: one of a release that cannot erase cannot read a chunk with somebody
        left out either, so that campaigns leaves nobody out until all can.
        """
        request = erasure_messages.request(erasure_id, person)
        answers = await self._all(request, [it for it in self._stubs if it.startswith(NOTIFIER)])
        others = [it for it in self._stubs if it not in answers]
        if _OLD in answers.values():
            others = [it for it in others if it != CAMPAIGNS]
            answers[CAMPAIGNS] = "NOTIFIER_OLD"
        return answers | await self._all(request, others)

    async def _all(
        self, request: erasure_pb2.ErasePersonRequest, names: list[str]
    ) -> dict[str, Answer]:
        answers = await asyncio.gather(*(_ask(self._stubs[it], request) for it in names))
        return dict(zip(names, answers, strict=True))


async def _ask(stub: Stub, request: erasure_pb2.ErasePersonRequest) -> Answer:
    try:
        return erasure_messages.answer(await stub.ErasePerson(request, timeout=_SECONDS))
    except errors.Error as away:
        return away.reason
    except grpc.aio.AioRpcError as failed:
        return failed.code().name


def connect(settings: Settings, tokens: TokenSource) -> Peers:
    """Return all peers that the settings name; each connects when it is first asked."""
    stubs: dict[str, Stub] = {}
    for name, address, pb, grpc_stubs in (
        ("interactions", settings.interactions_address, interactions_pb2, interactions_grpc),
        (CAMPAIGNS, settings.campaigns_address, campaigns_pb2, campaigns_grpc),
        *_notifiers(settings),
        ("accounts", settings.accounts_address, accounts_pb2, accounts_grpc),
    ):
        services = [pb.DESCRIPTOR.services_by_name["ErasureService"]]
        channel = client.channel(address, settings, tokens, services)
        stubs[name] = grpc_stubs.ErasureServiceStub(channel)
    return Peers(stubs)


def _notifiers(settings: Settings):  # type: ignore[no-untyped-def]
    addresses = [settings.notifier_address, *settings.further_notifiers]
    for number, address in enumerate(addresses, start=1):
        name = NOTIFIER if number == 1 else f"{NOTIFIER}-{number}"
        yield name, address, notifier_pb2, notifier_grpc
