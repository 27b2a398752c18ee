"""What the servicers of proposals share: whom one is for, and how it looks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from crm.interactions.v1 import proposal_pb2
from crm.interactions.v1 import proposal_service_pb2 as pb2
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context, db
from chassis.errors import FieldViolation, InvalidArgument
from services.interactions.clients.people import People, Person
from services.interactions.clients.press import Press
from services.interactions.domain.proposals import pages, pricing, sheets
from services.interactions.domain.proposals.links import Links
from services.interactions.domain.proposals.proposals import HOME_ZONE, SHOWN, Proposal
from services.interactions.domain.proposals.sheets import Sheet
from services.interactions.domain.proposals.templates import Block
from services.interactions.messages import proposals as messages
from services.interactions.rpc import gate
from services.interactions.storage import proposal_attachments, proposals

_NOBODY = Person("", "", {})
_PRINTED = frozenset({"contacts.phones", "contacts.emails"})


@dataclass(frozen=True)
class Studio:
    """Makes sheets of proposals: asks leads for the person, and the press for the texts."""

    people: People
    press: Press

    async def person(self, contact_id: UUID | None) -> Person:
        """Returns whom a proposal is for, nobody for None; asks with the caller's rights.

        Raises `InvalidArgument` for one that the caller may not see, `PermissionDenied` for who may
        see nobody.
        """
        if contact_id is None:
            return _NOBODY
        reach = gate.may("contacts", "read")
        found = await self.people.get(contact_id, reach, on_behalf_of=caller())
        if found is None:
            raise _wrong("proposal.contact_id", "no such contact")
        if "contacts.emails" in context.require_principal().hidden:
            # Who may not read an address may still have a proposal sent to it.
            whole = await self.people.get(contact_id, reach, on_behalf_of=None)
            return replace(found, address=whole.address if whole else "")
        return found

    async def knows(self, address: str) -> bool:
        """Returns True if a contact that the caller may see has the address."""
        reach = gate.reach("contacts", "read")
        return await self.people.has(address, reach, on_behalf_of=caller())

    async def sheet(
        self,
        proposal: Proposal,
        person: Person,
        blocks: Sequence[Block],
        at: datetime | None = None,
    ) -> Sheet:
        """Returns how a proposal looks with the blocks of its template, now or at a time."""
        day = (at or datetime.now(UTC)).astimezone(HOME_ZONE).date()
        recipient = proposal.recipient_name or person.name
        values = sheets.variables(proposal, person.values, day, recipient)
        rendered = await self.press.render(blocks, values, "template.blocks")
        priced = [pricing.price(line) for line in proposal.lines]
        return sheets.made(proposal, rendered, priced, values)

    async def veiled(self, proposal: Proposal, sent: Sheet, blocks: Sequence[Block]) -> Sheet:
        """Returns what was sent, its texts with what the caller may read of the person."""
        person = None
        if proposal.contact_id is not None:
            reach = gate.reach("contacts", "read")
            person = await self.people.get(proposal.contact_id, reach, on_behalf_of=caller())
        seen = await self.sheet(proposal, person or _NOBODY, blocks, proposal.send_time)
        return {**sent, "blocks": seen["blocks"]}


def hides_addresses() -> bool:
    """Returns True if the caller's role hides what a text may print of a person."""
    return not _PRINTED.isdisjoint(context.require_principal().hidden)


def address_of(proposal: Proposal, person: Person) -> str:
    """Returns where a proposal goes; raises `InvalidArgument` if that is nowhere."""
    address = proposal.address or person.address
    if not address:
        raise _wrong("proposal.address", "is required: the contact has no e-mail address")
    return address


def link(links: Links, kept: Proposal) -> str:
    """Returns the customer's page of a proposal, nothing to who may not write the proposal.

    Whoever has it answers as the customer.
    """
    return links.of(kept.id) if kept.within(gate.reach("proposals", "write")) else ""


async def public(session: AsyncSession, kept: Proposal) -> proposal_pb2.PublicProposal:
    """Returns what the customer sees of a proposal."""
    if kept.document is None or kept.state not in SHOWN:
        return messages.public(kept, "")
    files = await proposal_attachments.listed(session, kept.id, kept.issue)
    return messages.public(kept, pages.html(kept.document), files)


async def printed(
    sessions: db.Sessions, studio: Studio, proposal: Proposal, sheet: Sheet
) -> pb2.ProposalPdf:
    """Returns the PDF of what was sent last; it is made once."""
    async with sessions.begin() as session:
        data = await proposals.pdf(session, proposal)
    if data is None:
        data = await studio.press.print(sheet)
        async with sessions.begin() as session:
            if await proposals.get(session, proposal.id) is not None:
                await proposals.keep_pdf(session, proposal, data)
    return pdf(proposal, data)


def pdf(proposal: Proposal, data: bytes) -> pb2.ProposalPdf:
    """Returns a document under the name that people keep it by."""
    return pb2.ProposalPdf(data=data, file_name=f"{proposal.number or 'draft'}.pdf")


def caller() -> str | None:
    """Returns for whom peers are asked; None for a service, which acts for itself."""
    principal = context.require_principal()
    return None if principal.kind == "service" else principal.subject


def _wrong(field: str, why: str) -> InvalidArgument:
    return InvalidArgument(
        "FIELDS_INVALID", "some fields cannot be accepted", violations=[FieldViolation(field, why)]
    )
