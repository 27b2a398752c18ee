"""Files of proposals and templates: a draft gains and loses them, what was sent keeps its own."""

import asyncio
import hashlib
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import proposal_attachment_service_pb2 as pb2
from crm.interactions.v1 import proposal_pb2, proposal_service_pb2
from crm.leads.v1 import events_pb2

from chassis import errors
from chassis.context import Principal
from chassis.events.consumer import Event
from services.interactions import consumers
from tests.integration.interactions.house import NOON, person
from tests.integration.interactions.proposal_parts import Desk, token
from tests.integration.serving import refused
from tests.unit.interactions.attachment_parts import PDF, PNG

pytestmark = pytest.mark.timeout(300)

MIB = 2**20
NAME = "Bảng giá tháng 11.pdf"
WRITER = Principal(str(uuid4()), "user", rights={"templates": {"write": "all"}})


def names(held: Any) -> list[str]:
    return [it.name for it in held.attachments]


async def detach(desk: Desk, proposal: Any, name: str, **more: Any) -> Any:
    request = pb2.RemoveProposalAttachmentRequest(id=proposal.id, name=name, **more)
    return await desk.files().RemoveProposalAttachment(request)


async def read(desk: Desk, proposal: Any, name: str, issue: int = 0) -> Any:
    request = pb2.GetProposalAttachmentRequest(id=proposal.id, name=name, issue=issue)
    return await desk.files().GetProposalAttachment(request)


async def listed(desk: Desk, proposal: Any, issue: int) -> list[str]:
    request = pb2.ListProposalAttachmentsRequest(proposal_id=proposal.id, issue=issue)
    return names(await desk.files().ListProposalAttachments(request))


async def opened(desk: Desk, proposal: Any, name: str) -> Any:
    request = proposal_service_pb2.OpenProposalAttachmentRequest(token=token(proposal), name=name)
    return await desk.link().OpenProposalAttachment(request)


async def show(desk: Desk, proposal: Any) -> Any:
    request = proposal_service_pb2.OpenProposalRequest(token=token(proposal))
    return await desk.link().OpenProposal(request)


async def revise(desk: Desk, proposal: Any) -> Any:
    request = proposal_service_pb2.ReviseProposalRequest(id=proposal.id)
    return await desk.proposals().ReviseProposal(request)


async def resend(desk: Desk, proposal: Any) -> Any:
    await desk.send(proposal)
    await desk.work()
    return await desk.get(proposal.id)


async def contents(desk: Desk) -> set[str]:
    """The hashes of what is stored."""
    return set(await desk.rows("SELECT hash FROM proposal_files"))


def hashed(*data: bytes) -> set[str]:
    return {hashlib.sha256(it).hexdigest() for it in data}


class TestDrafts:
    async def test_a_file_is_kept_with_what_it_is_and_given_back(self, desk: Desk) -> None:
        made = await desk.draft()

        after = await desk.attach(made, NAME, PDF)

        (file,) = after.attachments
        assert (file.name, file.media_type, file.size) == (NAME, "application/pdf", len(PDF))
        assert {file.hash} == hashed(PDF)
        assert after.revision == made.revision + 1
        assert await desk.get(made.id) == after
        given = await read(desk, made, NAME)
        assert (given.data, given.file_name, given.media_type) == (PDF, NAME, "application/pdf")

    async def test_files_come_by_name_and_are_listed_with_proposals(self, desk: Desk) -> None:
        made = await desk.draft()
        for name in ("b.pdf", "ă.png", "a.pdf"):
            await desk.attach(made, name, PNG if name.endswith("png") else PDF)
        await desk.draft()

        found = await desk.proposals().ListProposals(proposal_service_pb2.ListProposalsRequest())

        assert [names(it) for it in found.proposals] == [[], ["a.pdf", "b.pdf", "ă.png"]]
        assert await contents(desk) == hashed(PDF, PNG)

    async def test_one_that_is_removed_is_gone_with_its_content(self, desk: Desk) -> None:
        made = await desk.draft()
        await desk.attach(made, "a.pdf", PDF)
        await desk.attach(made, "b.png", PNG)

        after = await detach(desk, made, "a.pdf")

        assert names(after) == ["b.png"]
        assert await contents(desk) == hashed(PNG)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await read(desk, made, "a.pdf")
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await detach(desk, made, "a.pdf")

    async def test_a_content_stays_while_another_has_it(self, desk: Desk) -> None:
        first, second = [await desk.draft() for _ in range(2)]
        await desk.attach(first, "a.pdf")
        await desk.attach(second, "b.pdf")

        await detach(desk, first, "a.pdf")

        assert (await read(desk, second, "b.pdf")).data == PDF

    async def test_a_request_repeated_adds_one(self, desk: Desk) -> None:
        made, key = await desk.draft(), str(uuid4())

        both = [await desk.attach(made, NAME, request_id=key) for _ in range(2)]
        gone = [await detach(desk, made, NAME, request_id=key) for _ in range(2)]

        assert both[0] == both[1]
        assert gone[0] == gone[1]

    async def test_two_at_once_are_both_kept(self, desk: Desk) -> None:
        made = await desk.draft()

        await asyncio.gather(*(desk.attach(made, f"{it}.pdf", PDF) for it in range(5)))

        assert names(await desk.get(made.id)) == [f"{it}.pdf" for it in range(5)]

    async def test_one_content_added_and_removed_at_once_is_never_lost(self, desk: Desk) -> None:
        drafts = [await desk.draft() for _ in range(4)]
        for _ in range(5):
            await desk.attach(drafts[0], "a.pdf")
            await asyncio.gather(
                detach(desk, drafts[0], "a.pdf"), *(desk.attach(it, "a.pdf") for it in drafts[1:])
            )
            for it in drafts[1:]:
                assert (await read(desk, it, "a.pdf")).data == PDF
            await asyncio.gather(*(detach(desk, it, "a.pdf") for it in drafts[1:]))
            assert await contents(desk) == set()

    async def test_a_draft_that_is_deleted_frees_its_files(self, desk: Desk) -> None:
        made, other = [await desk.draft() for _ in range(2)]
        await desk.attach(made, "a.pdf", PDF)
        await desk.attach(made, "b.png", PNG)
        await desk.attach(other, "c.png", PNG)

        request = proposal_service_pb2.DeleteProposalRequest(id=made.id)
        await desk.proposals().DeleteProposal(request)

        assert await contents(desk) == hashed(PNG)

    async def test_who_did_it_is_written_down(self, desk: Desk) -> None:
        made = await desk.draft()
        await desk.attach(made, NAME)

        query = "SELECT count(*) FROM outbox WHERE class = 'audit' AND subject LIKE 'audit%'"
        assert await desk.rows(query) == [3]  # the template, the draft, the file


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "data", "field", "why"),
        [
            ("a.pdf", b"", "data", "the file is empty"),
            ("a.pdf", PDF.ljust(3 * MIB + 1), "data", "larger than 3 MiB"),
            ("a.exe", PDF, "name", "files of this kind"),
            ("a.pdf", PNG, "data", "not what its name says"),
            ("../a.pdf", PDF, "name", "path"),
        ],
    )
    async def test_each_names_field_and_reason_and_stores_nothing(
        self, desk: Desk, name: str, data: bytes, field: str, why: str
    ) -> None:
        made = await desk.draft()

        for call in (desk.attach(made, name, data), desk.enclose(desk.template, name, data)):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await call
            assert refusal.fields() == [field]
            assert why in refusal.error.violations[0].description

        assert await contents(desk) == set()

    async def test_a_sixth_and_the_sixth_mebibyte_are_refused(self, desk: Desk) -> None:
        many, large = [await desk.draft() for _ in range(2)]
        for it in range(5):
            await desk.attach(many, f"{it}.pdf")
        await desk.attach(large, "a.pdf", PDF.ljust(3 * MIB))

        for proposal, size in ((many, 9), (large, 2 * MIB + 1)):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await desk.attach(proposal, "more.pdf", PDF.ljust(size))
            assert refusal.fields() == ["data"]

    async def test_what_is_no_draft_is_not_changed(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.attach(draft, "a.pdf")
        sent = await resend(desk, draft)

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await desk.attach(sent, "b.pdf")
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await detach(desk, sent, "a.pdf")

    async def test_a_stale_etag_is_refused(self, desk: Desk) -> None:
        made = await desk.draft()
        await desk.attach(made, "a.pdf", etag=made.etag)
        template = await desk.enclose(desk.template, "b.pdf", etag=desk.template.etag)

        for call in (
            desk.attach(made, "c.pdf", etag=made.etag),
            detach(desk, made, "a.pdf", etag=made.etag),
            desk.enclose(template, "c.pdf", etag=desk.template.etag),
        ):
            with refused(errors.Aborted, "ETAG_STALE"):
                await call

    async def test_what_is_not_there_is_missing(self, desk: Desk) -> None:
        made = await desk.draft()
        nothing = proposal_pb2.Proposal(id=str(uuid4()))
        ask = pb2.GetProposalTemplateAttachmentRequest

        for call in (
            desk.attach(nothing, "a.pdf"),
            desk.enclose(nothing, "a.pdf"),
            read(desk, made, "a.pdf"),
            read(desk, nothing, "a.pdf"),
            desk.files().GetProposalTemplateAttachment(ask(id=desk.template.id, name="a.pdf")),
            desk.files().RemoveProposalTemplateAttachment(
                pb2.RemoveProposalTemplateAttachmentRequest(id=desk.template.id, name="a.pdf")
            ),
        ):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await call


class TestTemplates:
    async def test_a_file_makes_a_new_version_and_old_ones_keep_theirs(self, desk: Desk) -> None:
        made = await desk.write()
        first = await desk.enclose(made, "a.pdf")
        request = pb2.RemoveProposalTemplateAttachmentRequest(id=made.id, name="a.pdf")
        second = await desk.files(WRITER).RemoveProposalTemplateAttachment(request)

        assert [it.version for it in (made, first, second)] == [1, 2, 3]
        assert [names(it) for it in (made, first, second)] == [[], ["a.pdf"], []]
        assert (first.blocks, second.author_id) == (made.blocks, WRITER.subject)
        ask = pb2.GetProposalTemplateAttachmentRequest(id=made.id, name="a.pdf", version=2)
        assert (await desk.files().GetProposalTemplateAttachment(ask)).data == PDF

    async def test_changing_the_text_keeps_the_files(self, desk: Desk) -> None:
        made = await desk.enclose(await desk.write(), "a.pdf")
        blocks = [proposal_pb2.ProposalBlock(text="khác")]
        change = proposal_pb2.ProposalTemplate(id=made.id, blocks=blocks)

        request = proposal_service_pb2.UpdateProposalTemplateRequest(template=change)
        after = await desk.templates().UpdateProposalTemplate(request)

        assert (after.version, names(after)) == (3, ["a.pdf"])

    async def test_two_files_at_once_are_two_versions(self, desk: Desk) -> None:
        made = await desk.write()

        await asyncio.gather(*(desk.enclose(made, f"{it}.pdf") for it in range(4)))

        request = proposal_service_pb2.GetProposalTemplateRequest(id=made.id)
        after = await desk.templates().GetProposalTemplate(request)
        assert (after.version, names(after)) == (5, [f"{it}.pdf" for it in range(4)])

    async def test_a_proposal_gets_the_files_of_its_version(self, desk: Desk) -> None:
        desk.template = await desk.enclose(await desk.write(), "a.pdf")
        await desk.enclose(desk.template, "b.png", PNG)

        newest = await desk.draft()
        older = await desk.draft(template_version=2)
        await detach(desk, newest, "a.pdf")

        assert names(await desk.get(newest.id)) == ["b.png"]
        assert names(older) == ["a.pdf"]
        assert await contents(desk) == hashed(PDF, PNG)

    async def test_a_draft_that_goes_to_another_version_takes_its_files(self, desk: Desk) -> None:
        desk.template = await desk.enclose(await desk.write(), "old.pdf")
        made = await desk.draft()
        await desk.attach(made, "own.png", PNG)
        request = pb2.RemoveProposalTemplateAttachmentRequest(id=desk.template.id, name="old.pdf")
        await desk.files().RemoveProposalTemplateAttachment(request)
        await desk.enclose(desk.template, "new.pdf")

        change = proposal_pb2.Proposal(id=made.id, template_id=desk.template.id)
        update = proposal_service_pb2.UpdateProposalRequest(proposal=change)
        after = await desk.proposals().UpdateProposal(update)

        assert (after.template_version, names(after)) == (4, ["new.pdf", "own.png"])

    async def test_one_whose_files_are_too_many_beside_its_own_is_refused(self, desk: Desk) -> None:
        made = await desk.draft()
        for it in range(5):
            await desk.attach(made, f"{it}.pdf")
        other = await desk.enclose(await desk.write("Khác"), "more.pdf")

        change = proposal_pb2.Proposal(id=made.id, template_id=other.id)
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await desk.proposals().UpdateProposal(
                proposal_service_pb2.UpdateProposalRequest(proposal=change)
            )

        assert refusal.fields() == ["proposal.template_id"]


class TestSent:
    async def test_the_customer_finds_them_at_the_link(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.attach(draft, NAME)
        sent = await resend(desk, draft)

        shown = await show(desk, sent)
        given = await opened(desk, sent, NAME)

        assert names(shown) == [NAME]
        assert (given.data, given.file_name, given.media_type) == (PDF, NAME, "application/pdf")
        assert await desk.history(sent.id) == ["sent"]
        (mail,) = desk.notifier.requests
        assert NAME not in mail.text + mail.html

    async def test_each_sending_keeps_its_own_whatever_comes_after(self, desk: Desk) -> None:
        desk.template = await desk.enclose(await desk.write(), "mẫu.pdf", PDF)
        sent = await resend(desk, await desk.draft())
        draft = await revise(desk, sent)
        request = pb2.RemoveProposalTemplateAttachmentRequest(id=sent.template_id, name="mẫu.pdf")
        await desk.files().RemoveProposalTemplateAttachment(request)
        await detach(desk, draft, "mẫu.pdf")
        await desk.attach(draft, "ảnh.png", PNG)

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
        await desk.attach(draft, "a.pdf")
        sent = await resend(desk, draft)

        await detach(desk, await revise(desk, sent), "a.pdf")

        assert (await read(desk, sent, "a.pdf", issue=1)).data == PDF

    async def test_nothing_is_given_while_it_is_changed_or_taken_back(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.attach(draft, "a.pdf")
        sent = await resend(desk, draft)
        request = proposal_service_pb2.WithdrawProposalRequest(id=sent.id)
        for away in (desk.proposals().WithdrawProposal(request), revise(desk, sent)):
            await away

            assert names(await show(desk, sent)) == []
            with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
                await opened(desk, sent, "a.pdf")

    async def test_only_a_link_of_ours_gives_any(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.attach(draft, "a.pdf")
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


class TestRights:
    async def test_others_see_and_change_none_of_mine(self, desk: Desk) -> None:
        mine = await desk.draft(person("own"))
        await desk.attach(mine, "a.pdf")
        other = desk.files(person("own"))

        for call in (
            other.GetProposalAttachment(pb2.GetProposalAttachmentRequest(id=mine.id, name="a.pdf")),
            other.ListProposalAttachments(pb2.ListProposalAttachmentsRequest(proposal_id=mine.id)),
            other.AddProposalAttachment(
                pb2.AddProposalAttachmentRequest(id=mine.id, name="b.pdf", data=PDF)
            ),
            other.RemoveProposalAttachment(
                pb2.RemoveProposalAttachmentRequest(id=mine.id, name="a.pdf")
            ),
        ):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await call

    async def test_who_may_only_read_changes_none(self, desk: Desk) -> None:
        made, reader = await desk.draft(), person("all")
        reader.rights["proposals"]["write"] = "own"  # type: ignore[index]
        files = desk.files(reader)

        for call in (
            files.AddProposalAttachment(
                pb2.AddProposalAttachmentRequest(id=made.id, name="a.pdf", data=PDF)
            ),
            files.AddProposalTemplateAttachment(
                pb2.AddProposalTemplateAttachmentRequest(
                    id=made.template_id, name="a.pdf", data=PDF
                )
            ),
            files.RemoveProposalTemplateAttachment(
                pb2.RemoveProposalTemplateAttachmentRequest(id=made.template_id, name="a.pdf")
            ),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await call

    async def test_who_has_none_is_refused_everything(self, desk: Desk) -> None:
        nobody = desk.files(Principal(str(uuid4()), "user"))

        for call in (
            nobody.AddProposalAttachment(pb2.AddProposalAttachmentRequest()),
            nobody.RemoveProposalAttachment(pb2.RemoveProposalAttachmentRequest()),
            nobody.GetProposalAttachment(pb2.GetProposalAttachmentRequest()),
            nobody.ListProposalAttachments(pb2.ListProposalAttachmentsRequest()),
            nobody.AddProposalTemplateAttachment(pb2.AddProposalTemplateAttachmentRequest()),
            nobody.RemoveProposalTemplateAttachment(pb2.RemoveProposalTemplateAttachmentRequest()),
            nobody.GetProposalTemplateAttachment(pb2.GetProposalTemplateAttachmentRequest()),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await call


class TestErasure:
    async def test_a_person_takes_the_files_of_their_proposals_along(self, desk: Desk) -> None:
        desk.template = await desk.enclose(await desk.write(), "mẫu.pdf", PDF)
        contact, own = desk.contact(), PDF + b"own"
        sent = await desk.draft(contact_id=contact.id)
        await desk.attach(sent, "Đào.pdf", own)
        sent = await resend(desk, sent)
        draft = await desk.draft(contact_id=contact.id)
        await desk.attach(draft, "Đào.png", PNG)
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
