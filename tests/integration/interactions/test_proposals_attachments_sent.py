"""Files of versions of templates and of sendings: each keeps its own until a person is erased."""

import asyncio
from uuid import uuid4

import pytest
from crm.interactions.v1 import proposal_attachment_service_pb2 as pb2
from crm.interactions.v1 import proposal_pb2, proposal_service_pb2
from crm.leads.v1 import events_pb2

from chassis import errors
from chassis.context import Principal
from chassis.events.consumer import Event
from services.interactions import consumers
from tests.integration.interactions.attachment_calls import (
    attach,
    contents,
    detach,
    enclose,
    hashed,
    listed,
    names,
    opened,
    read,
    resend,
    revise,
    show,
)
from tests.integration.interactions.house import NOON, person
from tests.integration.interactions.proposal_parts import Desk, token
from tests.integration.serving import refused
from tests.unit.interactions.attachment_parts import PDF, PNG

pytestmark = pytest.mark.timeout(300)

NAME = "Bảng giá tháng 11.pdf"
WRITER = Principal(str(uuid4()), "user", rights={"templates": {"write": "all"}})


class TestTemplates:
    async def test_a_file_makes_a_new_version_and_old_ones_keep_theirs(self, desk: Desk) -> None:
        made = await desk.write()
        first = await enclose(desk, made, "a.pdf")
        request = pb2.RemoveProposalTemplateAttachmentRequest(id=made.id, name="a.pdf")
        second = await desk.files(WRITER).RemoveProposalTemplateAttachment(request)

        assert [it.version for it in (made, first, second)] == [1, 2, 3]
        assert [names(it) for it in (made, first, second)] == [[], ["a.pdf"], []]
        assert (first.blocks, second.author_id) == (made.blocks, WRITER.subject)
        ask = pb2.GetProposalTemplateAttachmentRequest(id=made.id, name="a.pdf", version=2)
        assert (await desk.files().GetProposalTemplateAttachment(ask)).data == PDF

    async def test_changing_the_text_keeps_the_files(self, desk: Desk) -> None:
        made = await enclose(desk, await desk.write(), "a.pdf")
        blocks = [proposal_pb2.ProposalBlock(text="khác")]
        change = proposal_pb2.ProposalTemplate(id=made.id, blocks=blocks)

        request = proposal_service_pb2.UpdateProposalTemplateRequest(template=change)
        after = await desk.templates().UpdateProposalTemplate(request)

        assert (after.version, names(after)) == (3, ["a.pdf"])

    async def test_two_files_at_once_are_two_versions(self, desk: Desk) -> None:
        made = await desk.write()

        await asyncio.gather(*(enclose(desk, made, f"{it}.pdf") for it in range(4)))

        request = proposal_service_pb2.GetProposalTemplateRequest(id=made.id)
        after = await desk.templates().GetProposalTemplate(request)
        assert (after.version, names(after)) == (5, [f"{it}.pdf" for it in range(4)])

    async def test_a_proposal_gets_the_files_of_its_version(self, desk: Desk) -> None:
        desk.template = await enclose(desk, await desk.write(), "a.pdf")
        await enclose(desk, desk.template, "b.png", PNG)

        newest = await desk.draft()
        older = await desk.draft(template_version=2)
        await detach(desk, newest, "a.pdf")

        assert names(await desk.get(newest.id)) == ["b.png"]
        assert names(older) == ["a.pdf"]
        assert await contents(desk) == hashed(PDF, PNG)

    async def test_a_draft_that_goes_to_another_version_takes_its_files(self, desk: Desk) -> None:
        desk.template = await enclose(desk, await desk.write(), "old.pdf")
        made = await desk.draft()
        await attach(desk, made, "own.png", PNG)
        request = pb2.RemoveProposalTemplateAttachmentRequest(id=desk.template.id, name="old.pdf")
        await desk.files().RemoveProposalTemplateAttachment(request)
        await enclose(desk, desk.template, "new.pdf")

        change = proposal_pb2.Proposal(id=made.id, template_id=desk.template.id)
        update = proposal_service_pb2.UpdateProposalRequest(proposal=change)
        after = await desk.proposals().UpdateProposal(update)

        assert (after.template_version, names(after)) == (4, ["new.pdf", "own.png"])

    async def test_one_whose_files_are_too_many_beside_its_own_is_refused(self, desk: Desk) -> None:
        made = await desk.draft()
        for it in range(5):
            await attach(desk, made, f"{it}.pdf")
        other = await enclose(desk, await desk.write("Khác"), "more.pdf")

        change = proposal_pb2.Proposal(id=made.id, template_id=other.id)
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await desk.proposals().UpdateProposal(
                proposal_service_pb2.UpdateProposalRequest(proposal=change)
            )

        assert refusal.fields() == ["proposal.template_id"]


class TestSent:
    async def test_the_customer_finds_them_at_the_link(self, desk: Desk) -> None:
        draft = await desk.draft()
        await attach(desk, draft, NAME)
        sent = await resend(desk, draft)

        shown = await show(desk, sent)
        given = await opened(desk, sent, NAME)

        assert names(shown) == [NAME]
        assert (given.data, given.file_name, given.media_type) == (PDF, NAME, "application/pdf")
        assert await desk.history(sent.id) == ["sent"]
        (mail,) = desk.notifier.requests
        assert NAME not in mail.text + mail.html

    async def test_each_sending_keeps_its_own_whatever_comes_after(self, desk: Desk) -> None:
        desk.template = await enclose(desk, await desk.write(), "mẫu.pdf", PDF)
        sent = await resend(desk, await desk.draft())
        draft = await revise(desk, sent)
        request = pb2.RemoveProposalTemplateAttachmentRequest(id=sent.template_id, name="mẫu.pdf")
        await desk.files().RemoveProposalTemplateAttachment(request)
        await detach(desk, draft, "mẫu.pdf")
        await attach(desk, draft, "ảnh.png", PNG)

        again = await resend(desk, draft)

        assert [await listed(desk, sent, it) for it in (1, 2, 0)] == [
            *(["mẫu.pdf"], ["ảnh.png"], ["ảnh.png"])
        ]
        assert (await read(desk, sent, "mẫu.pdf", issue=1)).data == PDF
        assert names(await show(desk, again)) == ["ảnh.png"]
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await opened(desk, again, "mẫu.pdf")

    async def test_the_own_file_of_an_old_sending_outlives_its_removal(self, desk: Desk) -> None:
        draft = await desk.draft()
        await attach(desk, draft, "a.pdf")
        sent = await resend(desk, draft)

        await detach(desk, await revise(desk, sent), "a.pdf")

        assert (await read(desk, sent, "a.pdf", issue=1)).data == PDF

    async def test_nothing_is_given_while_it_is_changed_or_taken_back(self, desk: Desk) -> None:
        draft = await desk.draft()
        await attach(desk, draft, "a.pdf")
        sent = await resend(desk, draft)
        request = proposal_service_pb2.WithdrawProposalRequest(id=sent.id)
        for away in (desk.proposals().WithdrawProposal(request), revise(desk, sent)):
            await away

            assert names(await show(desk, sent)) == []
            with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
                await opened(desk, sent, "a.pdf")

    async def test_only_a_link_of_ours_gives_any(self, desk: Desk) -> None:
        draft = await desk.draft()
        await attach(desk, draft, "a.pdf")
        ask = proposal_service_pb2.OpenProposalAttachmentRequest
        sent = await desk.sent()
        unsent = desk.links.of(uuid4()).rpartition("/")[2]

        for wrong in ("", "x", unsent, token(sent)[:-2] + "AA"):
            with refused(errors.NotFound, "PROPOSAL_LINK_INVALID"):
                await desk.link().OpenProposalAttachment(ask(token=wrong, name="a.pdf"))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await opened(desk, sent, "a.pdf")
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await desk.link(person("own")).OpenProposalAttachment(
                ask(token=token(sent), name="a.pdf")
            )


class TestErasure:
    async def test_a_person_takes_the_files_of_their_proposals_along(self, desk: Desk) -> None:
        desk.template = await enclose(desk, await desk.write(), "mẫu.pdf", PDF)
        contact, own = desk.contact(), PDF + b"own"
        sent = await desk.draft(contact_id=contact.id)
        await attach(desk, sent, "Đào.pdf", own)
        sent = await resend(desk, sent)
        draft = await desk.draft(contact_id=contact.id)
        await attach(desk, draft, "Đào.png", PNG)
        others = await desk.draft()

        gone = events_pb2.ContactDeleted(contact_id=contact.id, revision=2)
        event = Event(
            id=str(uuid4()),
            subject=gone.DESCRIPTOR.full_name,
            data=gone.SerializeToString(),
            headers={},
            time=NOON,
            revision=0,
            key="",
            deliveries=1,
        )
        async with desk.sessions.begin() as session:
            await consumers.HANDLERS[event.subject](session, event)

        assert names(await desk.get(sent.id)) == []
        assert await listed(desk, sent, 1) == []
        assert names(await desk.get(others.id)) == ["mẫu.pdf"]
        assert await contents(desk) == hashed(PDF)
