"""Templates as they are listed and previewed."""

from uuid import uuid4

from crm.campaigns.v1 import template_pb2
from crm.campaigns.v1 import template_service_pb2 as pb

from chassis import errors
from tests.integration.campaigns.house import House
from tests.integration.serving import refused

EMAIL = template_pb2.CHANNEL_EMAIL
SMS = template_pb2.CHANNEL_SMS


class TestList:
    async def test_pages_follow_each_other_by_name(self, house: House) -> None:
        for name in ("C", "A", "B"):
            await house.template(name=name)
        await house.template(name="D", channel=SMS, subject="", html="", text="t")

        first = await house.templates.ListTemplates(
            pb.ListTemplatesRequest(page_size=2, channel=EMAIL)
        )
        rest = await house.templates.ListTemplates(
            pb.ListTemplatesRequest(page_size=2, channel=EMAIL, page_token=first.next_page_token)
        )

        assert [each.name for each in (*first.templates, *rest.templates)] == ["A", "B", "C"]
        assert rest.next_page_token == ""

    async def test_a_token_of_another_filter_is_refused(self, house: House) -> None:
        for name in ("A", "B"):
            await house.template(name=name)
        first = await house.templates.ListTemplates(pb.ListTemplatesRequest(page_size=1))

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await house.templates.ListTemplates(
                pb.ListTemplatesRequest(channel=SMS, page_token=first.next_page_token)
            )


class TestPreview:
    async def test_sample_values_show_what_it_will_look_like(self, house: House) -> None:
        made = await house.template(html="<p>{{ display_name }}</p>")

        shown = await house.templates.PreviewTemplate(
            pb.PreviewTemplateRequest(template_id=made.id)
        )

        assert shown.html == "<p>Nguyễn Thị Minh Khai</p>"
        assert shown.subject == "Chào Nguyễn Thị Minh Khai"
        assert shown.failure == ""

    async def test_an_sms_says_how_many_segments_it_takes(self, house: House) -> None:
        draft = template_pb2.Template(channel=SMS, text="Chào {{ given_name }} " + "ạ" * 60)

        shown = await house.templates.PreviewTemplate(pb.PreviewTemplateRequest(template=draft))

        assert (shown.encoding, shown.segments) == ("ucs2", 2)

    async def test_one_that_fails_says_where(self, house: House) -> None:
        draft = template_pb2.Template(channel=SMS, text="a\n{{ nofunction() }}")

        shown = await house.templates.PreviewTemplate(pb.PreviewTemplateRequest(template=draft))

        assert "line 2" in shown.failure
        assert shown.text == ""

    async def test_a_contacts_values_are_used(self, house: House) -> None:
        contact = uuid4()
        house.people.contacts[contact] = {"display_name": "Trần <Văn> A", "company": ""}
        made = await house.template(html="{{ display_name }}|{{ company | default('–') }}")

        shown = await house.templates.PreviewTemplate(
            pb.PreviewTemplateRequest(template_id=made.id, contact_id=str(contact))
        )

        assert shown.html == "Trần &lt;Văn&gt; A|–"

    async def test_an_unknown_contact_is_named(self, house: House) -> None:
        made = await house.template()

        with refused(errors.NotFound, "RESOURCE_MISSING") as refusal:
            await house.templates.PreviewTemplate(
                pb.PreviewTemplateRequest(template_id=made.id, contact_id=str(uuid4()))
            )

        assert refusal.error.metadata["resource"] == "contact"
