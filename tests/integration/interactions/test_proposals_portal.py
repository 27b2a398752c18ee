"""A customer's proposals in the portal: as the link shows them, and only one's own."""

from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.interactions.v1 import proposal_pb2

from chassis import errors
from tests.integration.interactions.proposal_parts import Desk
from tests.integration.serving import refused

pytestmark = pytest.mark.timeout(300)

ACCEPTED = proposal_pb2.PROPOSAL_STATE_ACCEPTED


async def listed(desk: Desk, contact: Any) -> list[Any]:
    found = await desk.portal(contact.id).ListMyProposals(pb2.ListMyProposalsRequest())
    return list(found.proposals)


class TestReading:
    async def test_what_was_sent_is_listed_and_shown_as_the_link_does(self, desk: Desk) -> None:
        me, other = desk.contact(), desk.contact(email="khac@example.vn")
        sent = await desk.sent(contact_id=me.id)
        await desk.sent(contact_id=other.id)
        await desk.draft(contact_id=me.id)

        (one,) = await listed(desk, me)
        shown = await desk.portal(me.id).GetMyProposal(pb2.GetMyProposalRequest(id=sent.id))

        assert (one.id, one.number, one.total) == (sent.id, sent.number, "1.188.000 ₫")
        assert (shown.number, shown.issue) == (sent.number, 1)
        assert "Máy lọc" in shown.html
        assert await desk.state(sent.id) == "SENT"

    async def test_it_can_be_kept_as_pdf(self, desk: Desk) -> None:
        me = desk.contact()
        sent = await desk.sent(contact_id=me.id)

        made = await desk.portal(me.id).GetMyProposalPdf(pb2.GetMyProposalPdfRequest(id=sent.id))

        assert made.data.startswith(b"%PDF")
        assert made.file_name == f"{sent.number}.pdf"

    async def test_a_draft_is_not_there(self, desk: Desk) -> None:
        me = desk.contact()
        draft = await desk.draft(contact_id=me.id)

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await desk.portal(me.id).GetMyProposal(pb2.GetMyProposalRequest(id=draft.id))


class TestAnswering:
    async def test_it_is_accepted_as_by_the_link(self, desk: Desk) -> None:
        me = desk.contact()
        sent = await desk.sent(contact_id=me.id)
        request = pb2.AcceptMyProposalRequest(id=sent.id, issue=1, name="Nguyễn Thị Đào")

        shown = await desk.portal(me.id).AcceptMyProposal(request)

        assert (shown.state, shown.answer_name) == (ACCEPTED, "Nguyễn Thị Đào")
        assert await desk.history(sent.id) == ["sent", "viewed", "accepted"]

    async def test_a_look_a_remark_and_a_refusal_are_kept(self, desk: Desk) -> None:
        me = desk.contact()
        sent, portal = await desk.sent(contact_id=me.id), desk.portal(me.id)

        await portal.SeeMyProposal(pb2.SeeMyProposalRequest(id=sent.id, issue=1))
        await portal.CommentMyProposal(
            pb2.CommentMyProposalRequest(id=sent.id, text="Giao khi nào?")
        )
        await portal.DeclineMyProposal(
            pb2.DeclineMyProposalRequest(id=sent.id, issue=1, reason="đắt")
        )

        assert await desk.history(sent.id) == ["sent", "viewed", "commented", "declined"]

    async def test_bad_fields_and_old_issues_are_refused(self, desk: Desk) -> None:
        me = desk.contact()
        sent, portal = await desk.sent(contact_id=me.id), desk.portal(me.id)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await portal.AcceptMyProposal(pb2.AcceptMyProposalRequest(id=sent.id, issue=1))
        with refused(errors.Aborted, "ETAG_STALE"):
            await portal.DeclineMyProposal(pb2.DeclineMyProposalRequest(id=sent.id, issue=7))

        assert refusal.fields() == ["name"]


class TestAnothers:
    async def test_it_is_as_what_is_not_there_for_every_call(self, desk: Desk) -> None:
        me, other = desk.contact(), desk.contact()
        theirs, portal = await desk.sent(contact_id=other.id), desk.portal(me.id)
        calls: list[tuple[Any, Any, dict[str, Any]]] = [
            (portal.GetMyProposal, pb2.GetMyProposalRequest, {}),
            (portal.GetMyProposalPdf, pb2.GetMyProposalPdfRequest, {}),
            (portal.GetMyProposalAttachment, pb2.GetMyProposalAttachmentRequest, {"name": "a"}),
            (portal.SeeMyProposal, pb2.SeeMyProposalRequest, {"issue": 1}),
            (portal.AcceptMyProposal, pb2.AcceptMyProposalRequest, {"issue": 1, "name": "x"}),
            (portal.DeclineMyProposal, pb2.DeclineMyProposalRequest, {"issue": 1}),
            (portal.CommentMyProposal, pb2.CommentMyProposalRequest, {"text": "x"}),
        ]

        for call, request, more in calls:
            said = []
            for wanted in (theirs.id, str(uuid4())):
                with refused(errors.NotFound, "RESOURCE_MISSING") as refusal:
                    await call(request(id=wanted, **more))
                said.append(str(refusal.error).replace(wanted, ""))
            assert said[0] == said[1]
        assert await listed(desk, me) == []
        assert await desk.history(theirs.id) == ["sent"]
