"""What callers give of a proposal, and which proposals they ask for, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crm.interactions.v1 import proposal_pb2
from crm.interactions.v1 import proposal_service_pb2 as pb2

from chassis.errors import NotFound
from services.interactions.clients.people import People
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals import proposals as rules
from services.interactions.messages import proposals as messages
from services.interactions.rpc import gate
from services.interactions.storage.proposals import Filter


@dataclass(frozen=True)
class Fields:
    """Checks the fields of a proposal, with those who know contacts and life stages."""

    contacts: gate.Gate
    people: People

    async def columns(self, given: proposal_pb2.Proposal, paths: Any) -> dict[str, Any]:
        """Returns the columns of the named fields; raises unless all is well, contact included."""
        problems = Problems()
        columns = rules.columns(messages.fields(given, paths), problems)
        stage_id = columns.get("accepted_life_stage_id")
        if stage_id is not None and not await self.people.has_stage(stage_id):
            problems.add("proposal.accepted_life_stage_id", "no such life stage")
        await self.must_be_seen(columns.get("contact_id"), "proposal.contact_id", problems)
        return columns

    async def must_be_seen(self, contact_id: UUID | None, field: str, problems: Problems) -> None:
        """Raises unless all is well and the caller may see the contact; opens transactions."""
        if contact_id is not None:
            try:
                await self.contacts.visible(contact_id)
            except NotFound:
                problems.add(field, "no such contact")
        problems.raise_if_any()


def wanted(request: pb2.ListProposalsRequest) -> Filter:
    """Returns which proposals a list is asked for; raises unless the ids are some."""
    problems = Problems()
    given: Mapping[str, str] = {"contact_id": request.contact_id, "owner_id": request.owner_id}
    ids = {
        name: fields.uuid(text, name, problems) if text else None for name, text in given.items()
    }
    problems.raise_if_any()
    return Filter(ids["contact_id"], ids["owner_id"], messages.states(request.states))
