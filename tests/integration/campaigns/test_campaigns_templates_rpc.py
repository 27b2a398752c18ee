"""TemplateService and ContentService, as clients call them."""

import time
from uuid import uuid4

import pytest
from crm.campaigns.v1 import campaign_service_pb2, template_pb2
from crm.campaigns.v1 import template_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis import errors
from chassis.context import Principal
from tests.integration.campaigns.house import MARKETER, NOBODY, House
from tests.integration.serving import refused

EMAIL = template_pb2.CHANNEL_EMAIL
SMS = template_pb2.CHANNEL_SMS


class TestCreate:
    async def test_a_template_is_stored_with_what_it_uses(self, house: House) -> None:
        made = await house.template(html="<p>{{ display_name }} <a href='{{ unsubscribe_url }}'>x")

        found = await house.templates.GetTemplate(pb.GetTemplateRequest(id=made.id))
        assert found == made
        assert list(made.variables) == ["display_name", "unsubscribe_url"]
        assert (made.revision, made.etag, len(made.content_hash)) == (1, "1", 64)
        assert made.HasField("create_time")

    async def test_its_content_can_be_fetched_by_hash(self, house: House) -> None:
        made = await house.template(html="<p>Chào <b>{{ display_name }}</b></p>")

        request = pb.GetContentRequest(hash=made.content_hash)
        content = await house.contents.GetContent(request)

        assert content.hash == made.content_hash
        assert content.channel == EMAIL
        assert content.html == made.html
        assert content.text == "Chào {{ display_name }}\n"
        assert list(content.variables) == ["display_name"]

    async def test_mjml_is_kept_as_written_and_sent_as_html(self, house: House) -> None:
        written = (
            "<mjml><mj-body><mj-section><mj-column><mj-text>Chào {{ display_name }}</mj-text>"
            "</mj-column></mj-section></mj-body></mjml>"
        )
        made = await house.template(html=written, markup=template_pb2.MARKUP_MJML)

        request = pb.GetContentRequest(hash=made.content_hash)
        content = await house.contents.GetContent(request)
        shown = await house.templates.PreviewTemplate(
            pb.PreviewTemplateRequest(template_id=made.id)
        )

        assert (made.html, made.markup) == (written, template_pb2.MARKUP_MJML)
        assert "<table" in content.html
        assert "Chào {{ display_name }}" in content.html
        assert content.text == "Chào {{ display_name }}\n"
        assert "Chào Nguyễn Thị Minh Khai" in shown.html

    async def test_what_is_no_mjml_is_refused_with_its_line(self, house: House) -> None:
        with refused(errors.InvalidArgument, "TEMPLATE_REFUSED") as refusal:
            await house.template(html="<mjml>\n<mj-oops/>", markup=template_pb2.MARKUP_MJML)

        assert refusal.fields() == ["template.html"]

    async def test_every_wrong_field_is_named(self, house: House) -> None:
        wrong = template_pb2.Template(channel=EMAIL, name="n" * 121, text="t" * 300_000)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.templates.CreateTemplate(pb.CreateTemplateRequest(template=wrong))

        assert refusal.fields() == [
            "template.name",
            "template.subject",
            "template.html",
            "template.text",
        ]

    async def test_a_template_without_a_channel_is_refused(self, house: House) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.templates.CreateTemplate(pb.CreateTemplateRequest())

        assert refusal.fields() == ["template.channel", "template.name"]

    async def test_an_sms_has_only_a_text(self, house: House) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.template(channel=SMS, subject="s", html="", text="")

        assert refusal.fields() == ["template.subject", "template.text"]

    @pytest.mark.parametrize(
        ("html", "why"),
        [
            ("a\n{% for %}", "line 2"),
            ("{{ secret }}", "unknown variable"),
            ("{% for i in range(99999) %}x{% endfor %}", "fuel"),
            ("{{ 'x' * 99999999 }}", "more than"),
            ("{% include 'other' %}", "non-existing"),
            ("{{ given_name | int }}", "line 1"),
            (
                "{% set n = namespace(a='x'*1000) %}"
                "{% for i in range(40) %}{% set n.a = n.a ~ n.a %}{% endfor %}{{ n.a }}",
                "too large",
            ),
        ],
    )
    async def test_what_cannot_be_rendered_for_everybody_is_refused(
        self, house: House, html: str, why: str
    ) -> None:
        began = time.monotonic()

        with refused(errors.InvalidArgument, "TEMPLATE_REFUSED") as refusal:
            await house.template(html=html, text="t")

        assert "template.html" in refusal.fields()
        assert why in refusal.error.violations[0].description or why == "too large"
        assert time.monotonic() - began < 10
        assert await house.rows("SELECT count(*) FROM templates") == [(0,)]
        assert await house.rows("SELECT count(*) FROM contents") == [(0,)]

    async def test_a_name_is_given_once(self, house: House) -> None:
        await house.template(name="Khai trương")

        with refused(errors.AlreadyExists, "RESOURCE_EXISTS") as refusal:
            await house.template(name="Khai trương")

        assert refusal.error.metadata["field"] == "name"

    async def test_a_repeated_request_stores_one(self, house: House) -> None:
        template = template_pb2.Template(name="T", channel=SMS, text="Chào")
        request = pb.CreateTemplateRequest(template=template, request_id=str(uuid4()))

        first = await house.templates.CreateTemplate(request)
        again = await house.templates.CreateTemplate(request)

        assert first == again

    async def test_the_audit_log_is_told(self, house: House) -> None:
        made = await house.template()

        rows = await house.rows("SELECT key FROM outbox WHERE class = 'audit'")
        assert rows == [(f"template/{made.id}",)]


class TestUpdate:
    async def test_a_change_makes_another_content_and_keeps_the_old(self, house: House) -> None:
        made = await house.template()

        after = await self.change(house, made, subject="Mới")

        assert (after.subject, after.html, after.revision) == ("Mới", made.html, 2)
        assert after.content_hash != made.content_hash
        for known in (made, after):
            await house.contents.GetContent(pb.GetContentRequest(hash=known.content_hash))

    async def test_a_stale_etag_is_refused(self, house: House) -> None:
        made = await house.template()
        await self.change(house, made, subject="Mới")

        with refused(errors.Aborted, "ETAG_STALE"):
            await self.change(house, made, subject="Khác", etag=made.etag)

    async def test_the_channel_is_fixed(self, house: House) -> None:
        made = await house.template()

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await self.change(house, made, channel=SMS)

        assert refusal.fields() == ["template.channel"]

    async def test_a_mask_may_name_only_what_can_change(self, house: House) -> None:
        made = await house.template()
        request = pb.UpdateTemplateRequest(
            template=made, update_mask=FieldMask(paths=["content_hash"])
        )

        with refused(errors.InvalidArgument, "UPDATE_MASK_INVALID"):
            await house.templates.UpdateTemplate(request)

    async def test_a_change_that_cannot_be_rendered_changes_nothing(self, house: House) -> None:
        made = await house.template()

        with refused(errors.InvalidArgument, "TEMPLATE_REFUSED"):
            await self.change(house, made, html="{% if %}")

        assert await house.templates.GetTemplate(pb.GetTemplateRequest(id=made.id)) == made

    async def test_the_name_of_another_is_refused(self, house: House) -> None:
        await house.template(name="A")
        made = await house.template(name="B")

        with refused(errors.AlreadyExists, "RESOURCE_EXISTS"):
            await self.change(house, made, name="A")

    async def change(
        self, house: House, made: template_pb2.Template, **given: object
    ) -> template_pb2.Template:
        changed = template_pb2.Template(id=made.id, **given)  # type: ignore[arg-type]
        return await house.templates.UpdateTemplate(pb.UpdateTemplateRequest(template=changed))


class TestDelete:
    async def test_a_deleted_template_is_gone(self, house: House) -> None:
        made = await house.template()

        await house.templates.DeleteTemplate(pb.DeleteTemplateRequest(id=made.id))

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.templates.GetTemplate(pb.GetTemplateRequest(id=made.id))

    async def test_one_that_a_campaign_uses_stays(self, house: House) -> None:
        campaign = await house.campaign()

        with refused(errors.FailedPrecondition, "RESOURCE_IN_USE"):
            request = pb.DeleteTemplateRequest(id=campaign.template_id)
            await house.templates.DeleteTemplate(request)

        await house.campaigns.DeleteCampaign(
            campaign_service_pb2.DeleteCampaignRequest(id=campaign.id)
        )
        await house.templates.DeleteTemplate(pb.DeleteTemplateRequest(id=campaign.template_id))


class TestRights:
    async def test_who_has_none_is_refused_everything(self, house: House) -> None:
        nobody = house.call(NOBODY)

        for call in (
            nobody.templates.CreateTemplate(pb.CreateTemplateRequest()),
            nobody.templates.GetTemplate(pb.GetTemplateRequest()),
            nobody.templates.ListTemplates(pb.ListTemplatesRequest()),
            nobody.templates.UpdateTemplate(pb.UpdateTemplateRequest()),
            nobody.templates.DeleteTemplate(pb.DeleteTemplateRequest()),
            nobody.templates.PreviewTemplate(pb.PreviewTemplateRequest()),
            nobody.contents.GetContent(pb.GetContentRequest()),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await call

    async def test_a_reader_cannot_write(self, house: House) -> None:
        reader = Principal(MARKETER.subject, "user", rights={"templates": {"read": "all"}})

        await house.call(reader).templates.ListTemplates(pb.ListTemplatesRequest())
        with refused(errors.PermissionDenied, "RIGHT_MISSING") as refusal:
            await house.call(reader).template()

        assert refusal.error.metadata == {"resource": "templates", "action": "write"}

    async def test_a_notifier_fetches_contents(self, house: House) -> None:
        made = await house.template()
        notifier = house.call(Principal("notifier", "service"))

        request = pb.GetContentRequest(hash=made.content_hash)
        assert (await notifier.contents.GetContent(request)).hash == made.content_hash
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await notifier.contents.GetContent(pb.GetContentRequest(hash="0" * 64))
