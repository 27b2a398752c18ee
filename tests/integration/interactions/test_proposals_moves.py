"""An accepted proposal moves its contact to a life stage: once, by leads' rules, and it says so."""

from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import proposal_service_pb2 as pb2

from chassis import errors
from services.interactions.storage import proposals
from services.interactions.usecases import proposal_erasing
from tests.integration.interactions.house import person
from tests.integration.interactions.proposal_parts import Desk, token
from tests.integration.interactions.proposal_peers import SERVICE, STAGE
from tests.integration.serving import refused

pytestmark = pytest.mark.timeout(300)


async def accepted(desk: Desk, **changes: Any) -> Any:
    """Sends a proposal that moves its contact, has it accepted, and lets the workers work."""
    given = {"contact_id": desk.contact().id, "accepted_life_stage_id": STAGE, **changes}
    sent = await desk.sent(**given)
    request = pb2.AcceptProposalRequest(token=token(sent), issue=1, name="Đào")
    await desk.link().AcceptProposal(request)
    await desk.work()
    return await desk.get(sent.id)


async def last_event(desk: Desk, proposal: Any) -> tuple[str, str, str]:
    request = pb2.ListProposalEventsRequest(proposal_id=proposal.id, page_size=1)
    (event,) = (await desk.proposals().ListProposalEvents(request)).events
    return event.kind, event.text, event.actor


class TestAccepted:
    async def test_the_contact_is_moved_once_by_the_service(self, desk: Desk) -> None:
        await accepted(desk, accepted_life_stage_id="")
        declined = await desk.sent(contact_id=desk.contact().id, accepted_life_stage_id=STAGE)
        await desk.link().DeclineProposal(
            pb2.DeclineProposalRequest(token=token(declined), issue=1)
        )

        proposal = await accepted(desk)
        await desk.work()

        (asked,) = desk.leads.moves
        assert (asked.id, asked.life_stage_id) == (proposal.contact_id, STAGE)
        assert (asked.reason, asked.unless_moved_since) == (proposal.number, proposal.answer_time)
        assert asked.request_id == f"proposal/{proposal.id}/accepted"
        assert desk.leads.asked_for[-1] == SERVICE.subject
        assert proposal.stage_move == "moved"
        assert (await desk.get(declined.id)).stage_move == ""
        assert await last_event(desk, proposal) == ("stage_moved", "", "interactions")

    @pytest.mark.parametrize(
        ("refusal", "why"),
        [
            (errors.Aborted("ETAG_STALE", "x"), "moved_since"),
            (errors.FailedPrecondition("STATE_FORBIDS", "x"), "status"),
            (errors.NotFound("RESOURCE_MISSING", "x", resource="life_stage"), "no_stage"),
            (errors.NotFound("RESOURCE_MISSING", "x", resource="contact"), "no_contact"),
            (errors.InvalidArgument("FIELDS_INVALID", "x"), "other"),
        ],
        ids=lambda it: it if isinstance(it, str) else "",
    )
    async def test_what_leads_refuses_is_told_and_not_asked_again(
        self, desk: Desk, refusal: Exception, why: str
    ) -> None:
        desk.leads.refusal = refusal

        proposal = await accepted(desk)
        await desk.run("UPDATE proposals SET move_time = now()")
        await desk.work()

        assert len(desk.leads.moves) == 1
        assert (await desk.state(proposal.id), proposal.stage_move) == ("ACCEPTED", "refused")
        assert await last_event(desk, proposal) == ("stage_refused", why, "interactions")

    async def test_while_leads_is_away_it_waits_and_asks_the_same_again(self, desk: Desk) -> None:
        desk.leads.refusal = errors.Unavailable("DATABASE_AWAY", "x")

        proposal = await accepted(desk)
        desk.leads.refusal = None
        await desk.work()
        tried = list(desk.leads.moves)
        await desk.run("UPDATE proposals SET move_time = now()")
        await desk.work()

        assert proposal.stage_move == "waiting"
        assert (await desk.get(proposal.id)).stage_move == "moved"
        assert len(desk.leads.moves) == len(tried) + 1
        assert all(it == tried[0] for it in desk.leads.moves)
        assert (await desk.history(proposal.id)).count("stage_moved") == 1

    async def test_one_that_went_to_an_address_moves_whom_it_is_linked_with_later(
        self, desk: Desk
    ) -> None:
        proposal = await accepted(desk, contact_id="")
        contact, early = desk.contact(), list(desk.leads.moves)
        await desk.proposals().LinkProposal(
            pb2.LinkProposalRequest(id=proposal.id, contact_id=contact.id)
        )
        await desk.work()

        assert (early, proposal.stage_move) == ([], "")
        assert [it.id for it in desk.leads.moves] == [contact.id]

    async def test_who_is_erased_while_it_waits_is_not_asked_for_any_more(self, desk: Desk) -> None:
        desk.leads.refusal = errors.Unavailable("DATABASE_AWAY", "x")
        proposal = await accepted(desk)
        async with desk.sessions.begin() as session:
            (kept,) = await proposals.of_contact(session, proposal.contact_id)
            await proposal_erasing.forget(session, proposal.contact_id)
        await desk.run("UPDATE proposals SET move_time = now()")
        tried = list(desk.leads.moves)

        await desk.work()

        assert (kept.stage_move, (await desk.get(proposal.id)).stage_move) == ("waiting", "")
        assert desk.leads.moves == tried


class TestChoosing:
    async def test_a_stage_that_is_not_there_is_named(self, desk: Desk) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await desk.draft(accepted_life_stage_id=str(uuid4()))

        assert refusal.fields() == ["proposal.accepted_life_stage_id"]
        assert await desk.rows("SELECT count(*) FROM proposals") == [0]

    async def test_who_may_not_write_the_contact_has_it_not_moved_either(self, desk: Desk) -> None:
        clerk = person(contacts="all")
        clerk.rights["contacts"] = {"read": "all", "write": "own"}
        his, other = desk.contact(clerk.subject), desk.contact()
        wanted = {"contact_id": his.id, "accepted_life_stage_id": STAGE}
        made = await desk.draft(clerk, **wanted)
        open_ = await desk.draft(clerk, accepted_life_stage_id=STAGE)
        made.contact_id = other.id

        for attempt in (
            lambda: desk.draft(clerk, **{**wanted, "contact_id": other.id}),
            lambda: desk.proposals(clerk).UpdateProposal(
                pb2.UpdateProposalRequest(proposal=made, update_mask={"paths": ["contact_id"]})
            ),
            lambda: desk.proposals(clerk).LinkProposal(
                pb2.LinkProposalRequest(id=open_.id, contact_id=other.id)
            ),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await attempt()

        assert (await desk.get(made.id)).contact_id == his.id
        assert (await desk.get(open_.id)).contact_id == ""
