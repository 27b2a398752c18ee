"""Whom leads asks to erase, and in which order."""

from collections.abc import Mapping
from uuid import UUID

import grpc
from crm.erasure.v1 import erasure_pb2

from services.erasing import Erased, Person
from services.leads.clients import Peers

HOA = Person((UUID(int=1),))


class Old(grpc.aio.AioRpcError):
    """What somebody of a release before answers."""

    def __init__(self) -> None:
        super().__init__(
            grpc.StatusCode.UNIMPLEMENTED, grpc.aio.Metadata(), grpc.aio.Metadata(), "no method"
        )


class Stub:
    """A peer that was asked, or one of a release before."""

    def __init__(self, *, is_old: bool = False) -> None:
        self.asked = 0
        self._is_old = is_old

    async def ErasePerson(
        self, request: erasure_pb2.ErasePersonRequest, **_: float
    ) -> erasure_pb2.ErasePersonResponse:
        self.asked += 1
        if self._is_old:
            raise Old
        return erasure_pb2.ErasePersonResponse()


def peers(**stubs: Stub) -> Peers:
    named: Mapping[str, Stub] = {it.replace("_", "-"): stub for it, stub in stubs.items()}
    return Peers(named)  # type: ignore[arg-type]


class TestOrder:
    async def test_campaigns_leaves_nobody_out_while_a_notifier_cannot_read_it(self) -> None:
        campaigns, accounts = Stub(), Stub()
        asked = peers(
            campaigns=campaigns,
            notifier=Stub(),
            notifier_2=Stub(is_old=True),
            accounts=accounts,
        )

        said = await asked.erase(UUID(int=9), HOA)

        assert (campaigns.asked, accounts.asked) == (0, 1)
        assert said == {
            "notifier": Erased(),
            "notifier-2": "UNIMPLEMENTED",
            "campaigns": "NOTIFIER_OLD",
            "accounts": Erased(),
        }

    async def test_everybody_is_asked_when_all_can(self) -> None:
        asked = peers(campaigns=Stub(), notifier=Stub(), notifier_2=Stub())

        assert set(await asked.erase(UUID(int=9), HOA)) == {"campaigns", "notifier", "notifier-2"}
        assert asked.notifiers == 2
