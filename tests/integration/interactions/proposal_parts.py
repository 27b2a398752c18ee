"""The services of proposals on a fresh database, with scripted leads and notifier."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from crm.interactions.v1 import (
    portal_service_pb2_grpc,
    proposal_attachment_service_pb2_grpc,
    proposal_pb2,
    proposal_service_pb2_grpc,
)
from crm.interactions.v1 import proposal_service_pb2 as pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2_grpc, source_service_pb2_grpc
from crm.notifier.v1 import events_pb2, message_pb2, message_service_pb2_grpc
from sqlalchemy import text

from chassis import db
from chassis.context import Principal
from services.interactions import clients, consumers
from services.interactions.clients import mail, people
from services.interactions.clients.press import Press
from services.interactions.config import Settings
from services.interactions.domain.proposals.links import Links
from services.interactions.domain.proposals.proposals import HOME_ZONE
from services.interactions.rpc.gate import Gate
from services.interactions.rpc.portal import PortalServicer
from services.interactions.rpc.proposal_attachments import ProposalAttachmentServicer
from services.interactions.rpc.proposal_links import ProposalLinkServicer
from services.interactions.rpc.proposal_parts import Studio
from services.interactions.rpc.proposal_templates import ProposalTemplateServicer
from services.interactions.rpc.proposals import ProposalServicer
from services.interactions.workers import moving
from services.interactions.workers import proposals as workers
from tests.integration import serving
from tests.integration.interactions.delivery_parts import event_of
from tests.integration.interactions.proposal_peers import SERVICE, Contacts, Stages, Tokens
from tests.integration.messages_peer import Messages

ADVERTISER, IDENTITY = str(uuid4()), str(uuid4())
STATE = proposal_pb2.ProposalState


@dataclass
class Desk:
    """The services under test, their peers, and what tests do with them."""

    served: serving.Served
    sessions: db.Sessions
    leads: Contacts
    notifier: Messages
    mail: mail.Mail
    people: people.People
    links: Links
    tokens: Tokens
    template: Any = None
    press: Press = field(default_factory=Press)

    def proposals(self, who: Principal = SERVICE) -> Any:
        return proposal_service_pb2_grpc.ProposalServiceStub(self.served.as_(who))

    def templates(self, who: Principal = SERVICE) -> Any:
        return proposal_service_pb2_grpc.ProposalTemplateServiceStub(self.served.as_(who))

    def link(self, who: Principal = SERVICE) -> Any:
        return proposal_service_pb2_grpc.ProposalLinkServiceStub(self.served.as_(who))

    def portal(self, contact_id: str) -> Any:
        """What the customer who that contact is calls."""
        who = Principal(f"login of {contact_id}", "contact", contact_id=contact_id)
        return portal_service_pb2_grpc.PortalServiceStub(self.served.as_(who))

    def files(self, who: Principal = SERVICE) -> Any:
        stub = proposal_attachment_service_pb2_grpc.ProposalAttachmentServiceStub
        return stub(self.served.as_(who))

    def contact(self, *owners: str, email: str = "dao@example.vn") -> contact_pb2.Contact:
        made = contact_pb2.Contact(
            id=str(uuid4()),
            revision=1,
            owner_ids=owners,
            display_name="Nguyễn Thị Đào",
            emails=[contact_pb2.Email(address=email, valid=True)] if email else [],
        )
        self.leads.known[made.id] = made
        return made

    async def write(self, name: str = "Mẫu", *texts: str) -> Any:
        blocks = [proposal_pb2.ProposalBlock(text=it) for it in texts or ("Chào {{ total }}",)]
        template = proposal_pb2.ProposalTemplate(name=name, blocks=blocks)
        request = pb2.CreateProposalTemplateRequest(template=template)
        return await self.templates().CreateProposalTemplate(request)

    async def draft(self, who: Principal = SERVICE, **changes: Any) -> Any:
        """Drafts a proposal of two lines, 1.188.000 ₫ in all, to an address nobody has."""
        if self.template is None:
            self.template = await self.write()
        request = pb2.CreateProposalRequest(proposal=self.given(**changes))
        return await self.proposals(who).CreateProposal(request)

    def given(self, **changes: Any) -> Any:
        line = proposal_pb2.ProposalLine
        lines = [
            line(description="Máy lọc", quantity="2", unit_price=500_000, vat_rate="VAT_RATE_8"),
            line(description="Lắp đặt", quantity="1", unit_price=120_000, discount_percent="10"),
        ]
        given = {
            "title": "Báo giá",
            "address": "khach@example.vn",
            "template_id": self.template.id,
            "lines": lines,
            "valid_until": day(30),
            **changes,
        }
        return proposal_pb2.Proposal(**given)

    async def send(self, proposal: Any, who: Principal = SERVICE, **more: Any) -> Any:
        """Asks to send; the letter waits for the worker."""
        request = pb2.SendProposalRequest(
            id=proposal.id, advertiser_id=ADVERTISER, sender_identity_id=IDENTITY, **more
        )
        return await self.proposals(who).SendProposal(request)

    async def sent(self, **changes: Any) -> Any:
        """Drafts and sends one, handed over."""
        answer = await self.send(await self.draft(**changes))
        await self.work()
        return await self.get(answer.proposal.id)

    async def work(self) -> None:
        while await workers.round_of(self.sessions, self.mail, self.links):
            pass
        while await moving.round_of(self.sessions, self.people):
            pass

    async def get(self, proposal_id: str, who: Principal = SERVICE) -> Any:
        return await self.proposals(who).GetProposal(pb2.GetProposalRequest(id=proposal_id))

    async def state(self, proposal_id: str) -> str:
        kept = await self.get(proposal_id)
        return STATE.Name(kept.state).removeprefix("PROPOSAL_STATE_")

    async def history(self, proposal_id: str) -> list[str]:
        """What happened, oldest first."""
        request = pb2.ListProposalEventsRequest(proposal_id=proposal_id)
        listed = await self.proposals().ListProposalEvents(request)
        return [it.kind for it in reversed(listed.events)]

    async def told(self) -> list[str]:
        """The events that went out, oldest first."""
        query = "SELECT subject FROM outbox WHERE class = 'facts' ORDER BY id"
        return [str(it).rpartition(".")[2] for it in await self.rows(query)]

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.sessions.begin() as session:
            return list((await session.execute(text(query), values)).scalars())

    async def run(self, statement: str, **values: Any) -> None:
        async with self.sessions.begin() as session:
            await session.execute(text(statement), values)

    async def pass_last_day(self, proposal_id: str) -> None:
        await self.run(
            "UPDATE proposals SET expire_time = now() - interval '1 second' WHERE id = :id",
            id=proposal_id,
        )


def token(proposal: Any) -> str:
    """The last part of the link."""
    return str(proposal.link.rpartition("/")[2])


def day(days: int) -> str:
    return (datetime.now(UTC).astimezone(HOME_ZONE) + timedelta(days=days)).date().isoformat()


async def desk(settings: Settings, sessions: db.Sessions, serve: Any) -> Desk:
    # The generated bases leave the calls that no test makes abstract to the type checker only.
    scripted: Any = (Contacts, Messages, Stages)
    contacts, messages, stages = (peer() for peer in scripted)
    add_leads = contact_service_pb2_grpc.add_ContactServiceServicer_to_server
    add_notifier = message_service_pb2_grpc.add_MessageServiceServicer_to_server
    add_stages = source_service_pb2_grpc.add_LifeStageServiceServicer_to_server
    leads = await serve(settings, "leads", [(add_leads, contacts), (add_stages, stages)])
    notifier = await serve(settings, "notifier", [(add_notifier, messages)])
    asked: Any = Tokens(leads)
    told: Any = Tokens(notifier)
    gate = Gate(sessions, clients.connect_leads(settings, leads.address, asked))
    press = Press(wall_seconds=60)
    persons = people.connect(settings, leads.address, asked)
    studio = Studio(persons, press)
    links = Links(settings.public_url, settings.mac_key.get_secret_value().encode())
    seal, add = settings.seal_key, proposal_service_pb2_grpc
    served = await serve(
        settings,
        "interactions",
        [
            (
                add.add_ProposalTemplateServiceServicer_to_server,
                ProposalTemplateServicer(sessions, studio, seal),
            ),
            (
                add.add_ProposalServiceServicer_to_server,
                ProposalServicer(sessions, gate, studio, links, "BG", seal),
            ),
            (
                proposal_attachment_service_pb2_grpc.add_ProposalAttachmentServiceServicer_to_server,
                ProposalAttachmentServicer(sessions, links),
            ),
            (
                add.add_ProposalLinkServiceServicer_to_server,
                ProposalLinkServicer(sessions, studio, links),
            ),
            (
                portal_service_pb2_grpc.add_PortalServiceServicer_to_server,
                PortalServicer(sessions, gate, studio, seal),
            ),
        ],
    )
    handing = mail.connect(settings, notifier.address, told)
    return Desk(served, sessions, contacts, messages, handing, persons, links, asked, press=press)


async def tell(desk: Desk, state: str, revision: int, reason: str = "") -> None:
    """Tells of the one message that the notifier took, as the consumer hears it."""
    ((request_id, (message_id, _)),) = desk.notifier.taken.items()
    message = message_pb2.Message(
        id=message_id,
        state=message_pb2.MessageState.Value(f"MESSAGE_STATE_{state}"),
        revision=revision,
        reason=reason,
    )
    told = events_pb2.SettledMessage(message=message, caller="interactions", request_id=request_id)
    one, _ = consumers.outcomes("interactions")
    async with desk.sessions.begin() as session:
        await one(session, event_of(told))
