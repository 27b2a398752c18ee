"""A mailbox that mails come back to."""

import uuid
from typing import Any

import pytest
from crm.notifier.v1 import inbound_service_pb2, inbound_service_pb2_grpc

from chassis.context import Principal
from services.notifier.domain import tokens
from services.notifier.domain.states import State
from services.notifier.domain.work import Key
from tests.integration.notifier.notifier_parts import DAY, House
from tests.integration.serving import Served
from tests.unit.notifier import inbound_parts as mails

ADDRESS = mails.ADDRESS
PROGRAM = Principal(str(uuid.UUID(int=5)), "client", rights={"inbound_mails": {"write": "all"}})
pb = inbound_service_pb2


def secret(house: House) -> bytes:
    """What return paths are made with."""
    return house.settings.mac_key.get_secret_value().encode()


def path(house: House, run: uuid.UUID, address: str = ADDRESS) -> str:
    """The return path of a message."""
    return tokens.return_path(
        Key(DAY, uuid.uuid5(run, address)), house.settings.mail_domain, secret(house)
    )


async def sent(house: House, state: State = State.ACCEPTED, **told: Any) -> uuid.UUID:
    """A run with one message in a state."""
    run = await house.take([ADDRESS], **told)
    await house.sql("UPDATE messages SET state = :state, attempts = 1", state=int(state))
    return run


class Mailbox:
    """Hands mails to the notifier as a mail server's program does."""

    def __init__(self, house: House, served: Served) -> None:
        self.house = house
        self.stub: Any = inbound_service_pb2_grpc.InboundMailServiceStub(served.as_(PROGRAM))

    async def gets(self, mail: bytes, recipient: str) -> Any:
        """What a mail was understood as."""
        return await self.stub.ReportMail(pb.ReportMailRequest(recipient=recipient, data=mail))


@pytest.fixture
async def mailbox(house: House, served: Served) -> Mailbox:
    """A program with the right to hand over mails, and no other."""
    return Mailbox(house, served)


async def events(house: House, name: str) -> list[Any]:
    """The events of a name that wait to be published."""
    return await house.sql(
        "SELECT payload FROM outbox WHERE subject = :it", it=f"crm.notifier.v1.{name}"
    )
