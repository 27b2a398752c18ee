"""Text parts made from HTML, subjects of one line, and what drafts are refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.campaigns.domain import campaigns, plain, rendering, templates
from services.campaigns.domain.campaigns import Audience
from services.campaigns.domain.kinds import Channel, Purpose

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ID = "01900000-0000-7000-8000-00000000000a"


class TestPlainText:
    @pytest.mark.parametrize(
        ("html", "text"),
        [
            ("<p>Chào  bạn</p>", "Chào bạn\n"),
            ("<p>Một</p><p>Hai</p>", "Một\n\nHai\n"),
            ("a<br>b", "a\nb\n"),
            ("<ul><li>x</li><li>y</li></ul>", "- x\n\n- y\n"),
            (
                "<a href='https://example.vn/?a=1&amp;b=2'>Xem</a>",
                "Xem (https://example.vn/?a=1&b=2)\n",
            ),
            ("<a href='{{ unsubscribe_url }}'>Thôi</a>", "Thôi ({{ unsubscribe_url }})\n"),
            ("<style>p {color: red}</style><script>x()</script>ok", "ok\n"),
            ("<p>{% if a < b %}1 &lt; 2{% endif %}</p>", "{% if a < b %}1 < 2{% endif %}\n"),
            ("{{ a | default('<b>') }}", "{{ a | default('<b>') }}\n"),
            ("<img alt='Ảnh' src='x'>", "Ảnh\n"),
            ("<p>unclosed <b>bold", "unclosed bold\n"),
            ("", ""),
        ],
    )
    def test_it_reads_as_the_page_does(self, html: str, text: str) -> None:
        assert plain.from_html(html) == text


class TestRendering:
    def render(self, html: str, **values: str) -> str:
        return rendering.Renderer(rendering.Source({"html": html})).render(values)["html"]

    def test_html_is_escaped_and_nothing_else(self) -> None:
        source = rendering.Source({"html": "{{ company }}", "text": "{{ company }}"})

        done = rendering.Renderer(source).render({"company": "<b>A & B</b>"})

        assert done["html"] == "&lt;b&gt;A &amp; B&lt;&#x2f;b&gt;"
        assert done["text"] == "<b>A & B</b>"

    def test_an_empty_value_has_its_default(self) -> None:
        assert self.render("{{ given_name | default('bạn') }}", given_name="") == "bạn"
        assert self.render("{{ given_name | default('bạn') }}", given_name="An") == "An"

    def test_a_subject_is_one_line(self) -> None:
        source = rendering.Source({"subject": "a\r\nBcc: {{ company }}\u2028\x00  b"})

        done = rendering.Renderer(source).render({"company": "x\ny"})

        assert done["subject"] == "a Bcc: x y b"

    def test_values_are_cut(self) -> None:
        assert len(self.render("{{ company }}", company="x" * 5_000)) == 200

    def test_too_much_output_is_refused(self) -> None:
        source = rendering.Source({"text": "{{ company * 50 }}"}, {"text": 1_000})

        with pytest.raises(rendering.Refused, match="more than 1000") as refused:
            rendering.Renderer(source).render({"company": "x" * 200})

        assert refused.value.refusal.field == "text"

    def test_names_of_the_environment_are_no_variables(self) -> None:
        source = rendering.Source(
            {"text": "{% set x = range(3) %}{% for i in x %}{{ loop.index }}{{ ward }}{% endfor %}"}
        )

        assert rendering.Renderer(source).variables() == {"ward"}

    def test_the_whole_context_cannot_be_shown(self) -> None:
        with pytest.raises(rendering.Refused, match="debug"):
            self.render("{{ debug() }}", company="secret")

    def test_a_refusal_says_the_line(self) -> None:
        with pytest.raises(rendering.Refused, match="line 3"):
            self.render("a\nb\n{{ nothing.at_all }}")


class TestTemplateDrafts:
    def test_content_is_named_by_what_it_says(self) -> None:
        draft = templates.Draft("a", Channel.EMAIL, "s", "<p>h</p>")

        fields = {"subject": "s", "html": "<p>h</p>", "text": "h\n"}

        one = templates.content(templates.Admitted(draft, fields, ["company"]))
        renamed = templates.content(
            templates.Admitted(replace(draft, name="b"), fields, ["company"])
        )
        other = templates.content(templates.Admitted(draft, {**fields, "html": "<p>h!</p>"}, []))

        assert one.hash == renamed.hash != other.hash
        assert one.text == "h\n"

    def test_variables_of_contacts_keep_their_order(self) -> None:
        draft = templates.Draft("a", Channel.SMS, text="x")

        names = ["unsubscribe_url", "phone", "email", "family_name"]
        content = templates.content(templates.Admitted(draft, {"text": "x"}, names))

        assert content.contact_variables == ("family_name", "email", "phone")


class TestCampaignDrafts:
    def draft(self, **given: object) -> campaigns.Draft:
        values: dict[str, object] = {
            "name": "N",
            "channel": Channel.SMS,
            "purpose": Purpose.CARE,
            "advertiser_id": ID,
            "sender_identity_id": ID,
            "template_id": ID,
            "audience": Audience(),
        }
        return campaigns.Draft(**(values | given))  # type: ignore[arg-type]

    def test_a_sound_one_is_accepted(self) -> None:
        later = NOW + timedelta(hours=1)

        assert campaigns.violations(self.draft(not_after=later), NOW) == []

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"name": "  "}, "name"),
            ({"name": "n" * 201}, "name"),
            ({"channel": None}, "channel"),
            ({"purpose": None}, "purpose"),
            ({"audience": None}, "audience"),
            ({"advertiser_id": ""}, "advertiser_id"),
            ({"template_id": "{" + ID[1:]}, "template_id"),
            ({"not_after": NOW}, "not_after"),
            ({"max_per_second": -1}, "max_per_second"),
            ({"audience": Audience(kind="x")}, "audience.kind"),
            ({"audience": Audience(contact_ids=(ID,) * 10_001)}, "audience.contact_ids"),
            ({"audience": Audience(segment_ids=(ID, "x"))}, "audience.segment_ids[1]"),
        ],
    )
    def test_a_wrong_field_is_named(self, given: dict[str, object], field: str) -> None:
        (found,) = campaigns.violations(self.draft(**given), NOW)

        assert found.field == f"campaign.{field}"

    @pytest.mark.parametrize(
        ("purpose", "needed"),
        [
            (Purpose.MARKETING, True),
            (Purpose.CARE, True),
            (Purpose.TRANSACTIONAL, False),
            (Purpose.CONSENT_REQUEST, False),
        ],
    )
    def test_some_purposes_need_consent(self, purpose: Purpose, needed: bool) -> None:
        assert purpose.needs_consent is needed
