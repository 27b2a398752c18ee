"""Files of drafts: added, removed, refused, by whom, and what becomes of their contents."""

import asyncio
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import proposal_attachment_service_pb2 as pb2
from crm.interactions.v1 import proposal_pb2, proposal_service_pb2

from chassis import errors
from chassis.attachments import File
from chassis.context import Principal
from services.interactions.storage import proposal_attachments
from tests.integration.interactions.attachment_calls import (
    attach,
    contents,
    detach,
    enclose,
    hashed,
    names,
    read,
    resend,
)
from tests.integration.interactions.house import person
from tests.integration.interactions.proposal_parts import Desk
from tests.integration.serving import refused
from tests.unit.interactions.attachment_parts import PDF, PNG

pytestmark = pytest.mark.timeout(300)

MIB = 2**20
NAME = "Bảng giá tháng 11.pdf"
WAITING = """
    SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


class TestDrafts:
    async def test_a_file_is_kept_with_what_it_is_and_given_back(self, desk: Desk) -> None:
        made = await desk.draft()

        after = await attach(desk, made, NAME, PDF)

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
            await attach(desk, made, name, PNG if name.endswith("png") else PDF)
        await desk.draft()

        found = await desk.proposals().ListProposals(proposal_service_pb2.ListProposalsRequest())

        assert [names(it) for it in found.proposals] == [[], ["a.pdf", "b.pdf", "ă.png"]]
        assert await contents(desk) == hashed(PDF, PNG)

    async def test_one_that_is_removed_is_gone_with_its_content(self, desk: Desk) -> None:
        made = await desk.draft()
        await attach(desk, made, "a.pdf", PDF)
        await attach(desk, made, "b.png", PNG)

        after = await detach(desk, made, "a.pdf")

        assert names(after) == ["b.png"]
        assert await contents(desk) == hashed(PNG)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await read(desk, made, "a.pdf")
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await detach(desk, made, "a.pdf")

    async def test_a_content_stays_while_another_has_it(self, desk: Desk) -> None:
        first, second = [await desk.draft() for _ in range(2)]
        await attach(desk, first, "a.pdf")
        await attach(desk, second, "b.pdf")

        await detach(desk, first, "a.pdf")

        assert (await read(desk, second, "b.pdf")).data == PDF

    async def test_a_request_repeated_adds_one(self, desk: Desk) -> None:
        made, key = await desk.draft(), str(uuid4())

        both = [await attach(desk, made, NAME, request_id=key) for _ in range(2)]
        gone = [await detach(desk, made, NAME, request_id=key) for _ in range(2)]

        assert both[0] == both[1]
        assert gone[0] == gone[1]

    async def test_two_at_once_are_both_kept(self, desk: Desk) -> None:
        made = await desk.draft()

        await asyncio.gather(*(attach(desk, made, f"{it}.pdf", PDF) for it in range(5)))

        assert names(await desk.get(made.id)) == [f"{it}.pdf" for it in range(5)]

    async def test_one_content_added_and_removed_at_once_is_never_lost(self, desk: Desk) -> None:
        drafts = [await desk.draft() for _ in range(4)]
        for _ in range(5):
            await attach(desk, drafts[0], "a.pdf")
            await asyncio.gather(
                detach(desk, drafts[0], "a.pdf"), *(attach(desk, it, "a.pdf") for it in drafts[1:])
            )
            for it in drafts[1:]:
                assert (await read(desk, it, "a.pdf")).data == PDF
            await asyncio.gather(*(detach(desk, it, "a.pdf") for it in drafts[1:]))
            assert await contents(desk) == set()

    async def test_whoever_lets_go_of_a_content_waits_for_who_is_keeping_it(
        self, desk: Desk
    ) -> None:
        first, second = [await desk.draft() for _ in range(2)]
        held = File.given("b.pdf", PDF).attachment("application/pdf")
        await attach(desk, first, "a.pdf")

        async with desk.sessions.begin() as session:
            await proposal_attachments.keep(session, held.hash, PDF)
            letting_go = asyncio.create_task(detach(desk, first, "a.pdf"))
            while not letting_go.done() and not await desk.rows(WAITING):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await proposal_attachments.put(session, UUID(second.id), [held])
        await letting_go

        assert (await read(desk, second, "b.pdf")).data == PDF

    async def test_a_draft_that_is_deleted_frees_its_files(self, desk: Desk) -> None:
        made, other = [await desk.draft() for _ in range(2)]
        await attach(desk, made, "a.pdf", PDF)
        await attach(desk, made, "b.png", PNG)
        await attach(desk, other, "c.png", PNG)

        request = proposal_service_pb2.DeleteProposalRequest(id=made.id)
        await desk.proposals().DeleteProposal(request)

        assert await contents(desk) == hashed(PNG)

    async def test_who_did_it_is_written_down(self, desk: Desk) -> None:
        made = await desk.draft()
        await attach(desk, made, NAME)

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

        for call in (attach(desk, made, name, data), enclose(desk, desk.template, name, data)):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await call
            assert refusal.fields() == [field]
            assert why in refusal.error.violations[0].description

        assert await contents(desk) == set()

    async def test_a_sixth_and_the_sixth_mebibyte_are_refused(self, desk: Desk) -> None:
        many, large = [await desk.draft() for _ in range(2)]
        for it in range(5):
            await attach(desk, many, f"{it}.pdf")
        await attach(desk, large, "a.pdf", PDF.ljust(3 * MIB))

        for proposal, size in ((many, 9), (large, 2 * MIB + 1)):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await attach(desk, proposal, "more.pdf", PDF.ljust(size))
            assert refusal.fields() == ["data"]

    async def test_what_is_no_draft_is_not_changed(self, desk: Desk) -> None:
        draft = await desk.draft()
        await attach(desk, draft, "a.pdf")
        sent = await resend(desk, draft)

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await attach(desk, sent, "b.pdf")
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await detach(desk, sent, "a.pdf")

    async def test_a_stale_etag_is_refused(self, desk: Desk) -> None:
        made = await desk.draft()
        await attach(desk, made, "a.pdf", etag=made.etag)
        template = await enclose(desk, desk.template, "b.pdf", etag=desk.template.etag)

        for call in (
            attach(desk, made, "c.pdf", etag=made.etag),
            detach(desk, made, "a.pdf", etag=made.etag),
            enclose(desk, template, "c.pdf", etag=desk.template.etag),
        ):
            with refused(errors.Aborted, "ETAG_STALE"):
                await call

    async def test_what_is_not_there_is_missing(self, desk: Desk) -> None:
        made = await desk.draft()
        nothing = proposal_pb2.Proposal(id=str(uuid4()))
        ask = pb2.GetProposalTemplateAttachmentRequest

        for call in (
            attach(desk, nothing, "a.pdf"),
            enclose(desk, nothing, "a.pdf"),
            read(desk, made, "a.pdf"),
            read(desk, nothing, "a.pdf"),
            desk.files().GetProposalTemplateAttachment(ask(id=desk.template.id, name="a.pdf")),
            desk.files().RemoveProposalTemplateAttachment(
                pb2.RemoveProposalTemplateAttachmentRequest(id=desk.template.id, name="a.pdf")
            ),
        ):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await call


class TestRights:
    async def test_others_see_and_change_none_of_mine(self, desk: Desk) -> None:
        mine = await desk.draft(person("own"))
        await attach(desk, mine, "a.pdf")
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
