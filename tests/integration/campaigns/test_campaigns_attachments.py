"""Files of templates, as clients add and remove them and notifiers fetch them."""

import hashlib
from uuid import uuid4

import pytest
from crm.campaigns.v1 import template_pb2
from crm.campaigns.v1 import template_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from tests.integration.campaigns.house import MARKETER, NOBODY, House
from tests.integration.serving import refused

PDF = b"%PDF-1.7 \x00\xff"
NAME = "Bảng giá tháng 11.pdf"


def adding(template: template_pb2.Template, **given: object) -> pb.AddAttachmentRequest:
    """A request that adds a file."""
    fields = {"id": template.id, "name": NAME, "data": PDF, **given}
    return pb.AddAttachmentRequest(**fields)  # type: ignore[arg-type]


class TestAdd:
    async def test_a_file_makes_a_new_version_with_its_own_content(self, house: House) -> None:
        before = await house.template()

        after = await house.templates.AddAttachment(adding(before))

        (file,) = after.attachments
        assert (file.name, file.media_type, file.size) == (NAME, "application/pdf", len(PDF))
        assert file.hash == hashlib.sha256(PDF).hexdigest()
        assert after.revision == before.revision + 1
        old = await house.contents.GetContent(pb.GetContentRequest(hash=before.content_hash))
        new = await house.contents.GetContent(pb.GetContentRequest(hash=after.content_hash))
        assert (list(old.attachments), list(new.attachments)) == ([], [file])
        assert (new.subject, new.html, new.text) == (old.subject, old.html, old.text)
        bytes_of = await house.contents.GetAttachment(pb.GetAttachmentRequest(hash=file.hash))
        assert bytes_of.data == PDF
        found = await house.templates.GetTemplate(pb.GetTemplateRequest(id=before.id))
        assert found == after

    async def test_changing_the_text_keeps_the_files(self, house: House) -> None:
        made = await house.template()
        await house.templates.AddAttachment(adding(made))
        change = template_pb2.Template(id=made.id, subject="Khác")

        after = await house.templates.UpdateTemplate(
            pb.UpdateTemplateRequest(template=change, update_mask=FieldMask(paths=["subject"]))
        )

        assert [it.name for it in after.attachments] == [NAME]
        content = await house.contents.GetContent(pb.GetContentRequest(hash=after.content_hash))
        assert [it.name for it in content.attachments] == [NAME]

    async def test_a_request_repeated_adds_one(self, house: House) -> None:
        made = await house.template()
        request = adding(made, request_id=str(uuid4()))

        first = await house.templates.AddAttachment(request)

        assert await house.templates.AddAttachment(request) == first

    async def test_a_file_of_three_mebibytes_passes(self, house: House) -> None:
        made = await house.template()
        data = b"x" * (3 * 2**20)

        after = await house.templates.AddAttachment(adding(made, data=data))

        request = pb.GetAttachmentRequest(hash=after.attachments[0].hash)
        assert (await house.contents.GetAttachment(request)).data == data

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"name": "a/b.pdf"}, "name"),
            ({"name": "a.exe"}, "name"),
            ({"data": b""}, "data"),
            ({"data": b"MZ"}, "data"),
            ({"data": b"x" * (3 * 2**20 + 1)}, "data"),
            ({"id": "x"}, "id"),
        ],
    )
    async def test_what_is_refused_leaves_nothing(
        self, house: House, given: dict[str, object], field: str
    ) -> None:
        made = await house.template()
        async with house.sessions.begin() as session:
            before = await session.scalar(text("SELECT count(*) FROM attachments"))

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.templates.AddAttachment(adding(made, **given))

        assert refusal.fields() == [field]
        assert await house.templates.GetTemplate(pb.GetTemplateRequest(id=made.id)) == made
        async with house.sessions.begin() as session:
            assert await session.scalar(text("SELECT count(*) FROM attachments")) == before

    async def test_two_of_one_name_are_refused(self, house: House) -> None:
        made = await house.template()
        first = await house.templates.AddAttachment(adding(made))

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.templates.AddAttachment(adding(made, name=NAME.upper(), data=b"%PDF 2"))

        assert refusal.fields() == ["name"]
        assert await house.templates.GetTemplate(pb.GetTemplateRequest(id=made.id)) == first

    async def test_an_sms_has_none(self, house: House) -> None:
        channel = template_pb2.CHANNEL_SMS
        made = await house.template(channel=channel, subject="", html="", text="Chào")

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.templates.AddAttachment(adding(made))

        assert refusal.fields() == ["data"]

    async def test_a_stale_etag_or_no_such_template_is_refused(self, house: House) -> None:
        made = await house.template()

        with refused(errors.Aborted, "ETAG_STALE"):
            await house.templates.AddAttachment(adding(made, etag="7"))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.templates.AddAttachment(adding(made, id=str(uuid4())))


class TestRemove:
    async def test_without_its_file_it_has_the_content_of_before(self, house: House) -> None:
        before = await house.template()
        added = await house.templates.AddAttachment(adding(before))

        request = pb.RemoveAttachmentRequest(id=before.id, name=NAME, etag=added.etag)
        after = await house.templates.RemoveAttachment(request)

        assert list(after.attachments) == []
        assert (after.revision, after.content_hash) == (before.revision + 2, before.content_hash)
        # A run that began with the file still has it.
        content = await house.contents.GetContent(pb.GetContentRequest(hash=added.content_hash))
        wanted = pb.GetAttachmentRequest(hash=content.attachments[0].hash)
        assert (await house.contents.GetAttachment(wanted)).data == PDF

    async def test_what_is_not_there_cannot_be_removed(self, house: House) -> None:
        made = await house.template()

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.templates.RemoveAttachment(
                pb.RemoveAttachmentRequest(id=made.id, name=NAME)
            )
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.contents.GetAttachment(pb.GetAttachmentRequest(hash="0" * 64))
        with refused(errors.Aborted, "ETAG_STALE"):
            await house.templates.RemoveAttachment(
                pb.RemoveAttachmentRequest(id=made.id, name=NAME, etag="9")
            )


class TestRights:
    async def test_who_has_none_is_refused_everything(self, house: House) -> None:
        nobody = house.call(NOBODY)

        for call in (
            nobody.templates.AddAttachment(pb.AddAttachmentRequest()),
            nobody.templates.RemoveAttachment(pb.RemoveAttachmentRequest()),
            nobody.contents.GetAttachment(pb.GetAttachmentRequest()),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await call

    async def test_a_reader_cannot_write(self, house: House) -> None:
        reader = Principal(MARKETER.subject, "user", rights={"templates": {"read": "all"}})
        made = await house.template()

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.call(reader).templates.AddAttachment(adding(made))
