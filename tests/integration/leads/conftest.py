"""Leads, served on a real database, as its callers see it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.leads.v1 import (
    audience_service_pb2_grpc,
    consent_service_pb2_grpc,
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
    erasure_service_pb2_grpc,
    portal_service_pb2_grpc,
    report_service_pb2_grpc,
    segment_service_pb2_grpc,
    source_cost_service_pb2_grpc,
    source_service_pb2_grpc,
    transaction_service_pb2_grpc,
)
from google.protobuf.message import Message
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings
from chassis.context import Principal
from chassis.db import outbox
from chassis.db.outbox import Class
from services.leads.rpc.audiences import AudienceServicer
from services.leads.rpc.consents import ConsentServicer
from services.leads.rpc.contacts import ContactServicer
from services.leads.rpc.erasures import ErasureServicer
from services.leads.rpc.portal import PortalServicer
from services.leads.rpc.reports import ReportServicer
from services.leads.rpc.segments import SegmentServicer
from services.leads.rpc.source_costs import SourceCostServicer
from services.leads.rpc.sources import LifeStageServicer, SourceServicer
from services.leads.rpc.transactions import TransactionServicer
from tests.integration import emptied, serving
from tests.integration.conftest import Serve
from tests.integration.pools import Pools

ADVERTISER = "01980000-0000-7000-8000-00000000aaaa"
OTHER_ADVERTISER = "01980000-0000-7000-8000-00000000bbbb"
ALICE = "01980000-0000-7000-8000-000000000a11"
BOB = "01980000-0000-7000-8000-000000000b0b"
SALES = "01980000-0000-7000-8000-0000000005a1"
CARE = "01980000-0000-7000-8000-00000000ca4e"
SERVICE = Principal("01980000-0000-7000-8000-00000000f00d", "service")
NOBODY = "01980000-0000-7000-8000-0000000dead0"
# What the migration put there is what it was.
_CLEAN = "\n".join(
    [
        *(
            f"DELETE FROM {it} WHERE id::text NOT LIKE '01980000-0000-7000-8000-%';"  # noqa: S608
            for it in ("sources", "life_stages")
        ),
        "UPDATE sources SET retire_time = NULL, revision = 1 WHERE revision <> 1;",
    ]
)


def user(subject: str, team: str | None = None, **levels: str) -> Principal:
    """Return a user with one level per resource for every action."""
    actions = ("read", "write", "delete", "export", "erase")
    rights = {it: dict.fromkeys(actions, level) for it, level in levels.items()}
    return Principal(subject, "user", team, rights)


class Clock:
    """The time the service is told; tests move it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 10, 3, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_(self, **duration: float) -> None:
        """Let time pass."""
        self.time += timedelta(**duration)


@dataclass(frozen=True)
class Leads:
    """The stubs of leads for one caller."""

    served: serving.Served
    sessions: db.Sessions
    clock: Clock
    caller: Principal | None

    def as_(self, caller: Principal | None) -> "Leads":
        """Return the same for another caller."""
        return replace(self, caller=caller)

    def _stub(self, kind: Callable[[Any], Any]) -> Any:
        return kind(self.served.as_(self.caller))

    @property
    def contacts(self) -> Any:
        return self._stub(contact_service_pb2_grpc.ContactServiceStub)

    @property
    def sources(self) -> Any:
        return self._stub(source_service_pb2_grpc.SourceServiceStub)

    @property
    def stages(self) -> Any:
        return self._stub(source_service_pb2_grpc.LifeStageServiceStub)

    @property
    def consents(self) -> Any:
        return self._stub(consent_service_pb2_grpc.ConsentServiceStub)

    @property
    def transactions(self) -> Any:
        return self._stub(transaction_service_pb2_grpc.TransactionServiceStub)

    @property
    def segments(self) -> Any:
        return self._stub(segment_service_pb2_grpc.SegmentServiceStub)

    @property
    def source_costs(self) -> Any:
        return self._stub(source_cost_service_pb2_grpc.SourceCostServiceStub)

    @property
    def portal(self) -> Any:
        return self._stub(portal_service_pb2_grpc.PortalServiceStub)

    @property
    def reports(self) -> Any:
        return self._stub(report_service_pb2_grpc.ReportServiceStub)

    @property
    def erasures(self) -> Any:
        return self._stub(erasure_service_pb2_grpc.ErasureServiceStub)

    @property
    def audiences(self) -> Any:
        # A service of the house asks, for itself or for the caller.
        caller = self.caller and replace(self.caller, actor=self.caller.actor or "campaigns")
        asking = self.caller if self.caller is SERVICE else caller
        return self.as_(asking)._stub(audience_service_pb2_grpc.AudienceServiceStub)

    async def contact(self, **fields: Any) -> contact_pb2.Contact:
        """Create a contact; `phone` and `email` are short for lists of one."""
        if phone := fields.pop("phone", None):
            fields["phones"] = [contact_pb2.Phone(number=phone)]
        if email := fields.pop("email", None):
            fields["emails"] = [contact_pb2.Email(address=email)]
        fields.setdefault("display_name", "Trần Thị Tiếng Ồn")
        given = contact_pb2.Contact(**fields)
        made: contact_pb2.Contact = await self.contacts.CreateContact(
            contact_service_pb2.CreateContactRequest(contact=given)
        )
        return made

    def customer(self, contact: contact_pb2.Contact) -> "Leads":
        """Return the same for the customer who that contact is."""
        return self.as_(Principal(f"login of {contact.id}", "contact", contact_id=contact.id))

    async def names(self, **wanted: Any) -> list[str]:
        """List contacts and return their names."""
        request = contact_service_pb2.ListContactsRequest(**wanted)
        found = await self.contacts.ListContacts(request)
        return [it.display_name for it in found.contacts]

    async def told(self, cls: Class, kind: type[Message]) -> list[Any]:
        """Return the events of a kind that wait in the outbox, oldest first."""
        async with self.sessions.begin() as session:
            rows = await outbox.take(session, cls, 1_000)
        wanted = kind.DESCRIPTOR.full_name
        return [kind.FromString(it.payload) for it in rows if it.subject == wanted]

    async def audit_count(self) -> int:
        """Return how many audit entries wait in the outbox."""
        async with self.sessions.begin() as session:
            return len(await outbox.take(session, Class.AUDIT, 10_000))


@pytest.fixture(scope="session")
def leads_settings(make_database: Callable[[], str]) -> ServiceSettings:
    """Settings with a migrated database."""
    made = ServiceSettings.model_validate(
        {
            "seal_key": "seal",
            "database_url": make_database(),
            "nats_url": "nats://127.0.0.1:1",
            "issuer_url": "http://127.0.0.1:1",
            "client_id": "leads",
            "client_secret": "secret",
        }
    )
    db.upgrade(made, "services.leads")
    return made


@pytest.fixture
async def leads_sessions(
    leads_settings: ServiceSettings, pools: Pools
) -> AsyncIterator[db.Sessions]:
    """The database, emptied of everything but what the migration put there."""
    async with pools.open(leads_settings, "leads") as made:
        await emptied.empty(made, kept=("sources", "life_stages"))
        async with made.begin() as session:
            await session.execute(text(f"DO $$ BEGIN {_CLEAN} END $$"))
        yield made


@pytest.fixture
async def leads(
    serve: Serve, leads_settings: ServiceSettings, leads_sessions: db.Sessions
) -> Leads:
    """Leads as a service sees it, whose rights reach everything."""
    clock, seal, made = Clock(), leads_settings.seal_key, leads_sessions
    contact_grpc, source_grpc = contact_service_pb2_grpc, source_service_pb2_grpc
    servicers = [
        (
            contact_grpc.add_ContactServiceServicer_to_server,
            ContactServicer(made, seal, "vn", clock),
        ),
        (source_grpc.add_SourceServiceServicer_to_server, SourceServicer(made, seal, clock)),
        (source_grpc.add_LifeStageServiceServicer_to_server, LifeStageServicer(made, seal, clock)),
        (
            consent_service_pb2_grpc.add_ConsentServiceServicer_to_server,
            ConsentServicer(made, seal, clock),
        ),
        (
            transaction_service_pb2_grpc.add_TransactionServiceServicer_to_server,
            TransactionServicer(made, seal, clock),
        ),
        (
            segment_service_pb2_grpc.add_SegmentServiceServicer_to_server,
            SegmentServicer(made, seal, clock),
        ),
        (
            audience_service_pb2_grpc.add_AudienceServiceServicer_to_server,
            AudienceServicer(made, clock),
        ),
        (
            source_cost_service_pb2_grpc.add_SourceCostServiceServicer_to_server,
            SourceCostServicer(made, seal, clock),
        ),
        (
            report_service_pb2_grpc.add_ReportServiceServicer_to_server,
            ReportServicer(made),
        ),
        (
            portal_service_pb2_grpc.add_PortalServiceServicer_to_server,
            PortalServicer(made, seal, "vn", clock),
        ),
    ]
    servicers.append(
        (
            erasure_service_pb2_grpc.add_ErasureServiceServicer_to_server,
            ErasureServicer(made, seal, clock, knows_everybody=True),
        )
    )
    served = await serve(leads_settings, "leads", servicers)
    return Leads(served, made, clock, SERVICE)
