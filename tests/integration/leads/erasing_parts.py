"""Who erases in tests: peers that answer what they are told to, and the worker that asks them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from crm.leads.v1 import contact_pb2
from crm.leads.v1 import erasure_service_pb2 as pb
from crm.leads.v1.erasure_pb2 import ERASURE_REASON_REQUESTED, Erasure

from chassis.config import ServiceSettings
from chassis.events.connection import Connection
from services.erasing import Erased, Person
from services.leads.clients import Answer
from services.leads.workers.eraser import Eraser
from tests.integration.leads.conftest import Leads


@dataclass
class ScriptedPeers:
    """Answers each round what is next of `answers`, and nothing found after them."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[Person] = field(default_factory=list)
    notifiers: int = 100
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def erase(self, erasure_id: UUID, person: Person) -> dict[str, Answer]:
        """One peer, the notifier."""
        self.asked.append(person)
        if self.meanwhile is not None:
            await self.meanwhile()
        return {"notifier": self.answers.pop(0) if self.answers else Erased()}


async def order(leads: Leads, contact: contact_pb2.Contact, **changes: object) -> Erasure:
    """Order a contact to be erased."""
    given = {"reason": ERASURE_REASON_REQUESTED, "confirm": contact.reference_code, **changes}
    made: Erasure = await leads.erasures.EraseContact(
        pb.EraseContactRequest(contact_id=contact.id, **given)  # type: ignore[arg-type]
    )
    return made


@asynccontextmanager
async def eraser(
    leads: Leads,
    settings: ServiceSettings,
    nats_url: str,
    peers: ScriptedPeers,
    *,
    seal_key: str = "",
    lease: timedelta = timedelta(minutes=2),
) -> AsyncIterator[Eraser]:
    """A worker that is asked for its rounds one by one."""
    nats = Connection(settings.model_copy(update={"nats_url": nats_url}), "leads")
    await nats.connected(within=10)
    made = Eraser(
        leads.sessions,
        nats,
        peers,  # type: ignore[arg-type]
        seal_key or settings.seal_key.get_secret_value(),
        leads.clock,
        settle=timedelta(seconds=60),
        every_seconds=0.02,
        lease=lease,
    )
    yield made
    await nats.close()
