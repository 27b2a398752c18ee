"""Mails made from forms say what mails made one by one say, whatever is filled in."""

import email
import email.message
import email.policy
import uuid
from collections.abc import Mapping
from datetime import date
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.channels import mime
from services.notifier.channels.mime.quoted import quoted
from services.notifier.domain import outlines
from services.notifier.domain.rendering import Renderer
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import Content, Enclosure, Key
from tests.unit.notifier.domain_parts import sender

KEY = Key(date(2026, 11, 21), uuid.UUID(int=77))
DATE = "Sat, 21 Nov 2026 12:00:00 +0700"
NAMES = ("given_name", "company")
LINKS = "https://m.vn/u/"
COMPOSER = mime.Composer(sender(address="a@b.vn"), Purpose.CARE, domain="m.vn", stream="run")

# A template that has a mark itself is made one by one.
letters = st.characters(
    exclude_categories=["Cs", "Cc"], include_characters="\n", exclude_characters="{\ue000\ue001"
)
fixed = st.text(letters | st.sampled_from(" .=F\n"), max_size=90)
shown = st.sampled_from(
    [
        "{{ given_name }}",
        "{{company}}",
        "{{ given_name | default('bạn') }}",
        '{{- company|default("") -}}',
        "{{ unsubscribe_url }}",
        "{{ nobody }}",
        "{{ advertiser_name }}",
    ]
)
asked = st.sampled_from(["if company", "if not given_name", "if nobody"])
templates = st.recursive(
    fixed | shown,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.builds("{{% {} %}}{}{{%- else %}}{}{{% endif %}}".format, asked, inner, inner),
    ),
    max_leaves=8,
)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=250).map(
    lambda it: it.replace("\0", "")
)


def by_itself(content: Content, given: Mapping[str, str]) -> bytes:
    """As one is made that is like no other."""
    subject, html, text = Renderer(content).render(given)
    mail = mime.Mail(KEY, "d@e.vn", subject, html, text, given["unsubscribe_url"], DATE)
    return COMPOSER.compose(mail)


def by_form(
    content: Content, given: Mapping[str, str], enclosure: Enclosure | None = None
) -> bytes:
    """As one of many is made."""
    known = [name for name in NAMES if given[name]]
    always = {"advertiser_name": given["advertiser_name"]}
    outline = Renderer(content).outline([*known, mime.LINK], always)
    assert outline is not None
    form = mime.Form(COMPOSER, mime.Blank(*outline, NAMES, LINKS, str, enclosure))
    draft = form.fill(str(KEY.message_id), "d@e.vn", [given[it] for it in NAMES], "t" * 72, DATE)
    return COMPOSER.finish(draft) + draft.tail


def parsed(raw: bytes) -> email.message.EmailMessage:
    """As a reader sees it, the stuffed dots taken out."""
    raw = raw.replace(b"\r\n..", b"\r\n.")
    return email.message_from_bytes(raw, policy=email.policy.default)


def told(mail: email.message.EmailMessage) -> list[str]:
    """The texts of a mail as they are shown, without their last line's end."""
    parts = list(mail.iter_parts()) or [mail]
    found = [it.get_payload(decode=True).decode("utf-8") for it in parts]  # type: ignore[union-attr]
    return [unescape(it.replace("\r\n", "\n").rstrip("\n")) for it in found]


class TestForms:
    @settings(max_examples=60)
    @given(templates, templates, templates, values, values)
    def test_they_say_what_is_said_one_by_one(
        self, subject: str, html: str, text: str, name: str, company: str
    ) -> None:
        content = Content("0" * 64, Channel.EMAIL, subject, html, text, ())
        given = {
            "given_name": name,
            "company": company,
            "advertiser_name": "Sông Hồng",
            "unsubscribe_url": LINKS + "t" * 72,
        }

        one, many = parsed(by_itself(content, given)), parsed(by_form(content, given))

        assert told(many) == told(one)
        assert not many.defects
        same = [it for it in one if not it.startswith("Content-")]
        assert [many[it] for it in same] == [one[it] for it in same]

    @given(templates, values)
    def test_their_lines_fit_and_need_no_stuffing(self, text: str, name: str) -> None:
        content = Content("0" * 64, Channel.EMAIL, "", text, text, ())
        given = {"given_name": name, "company": "", "advertiser_name": "x"}

        body = by_form(content, given).partition(b"\r\n\r\n")[2]

        lines = body.split(b"\r\n")
        assert max(map(len, lines)) <= 78
        assert not any(it.startswith((b".", b"From ")) for it in lines)
        assert not any(it.endswith((b" ", b"\t")) for it in lines)
        assert b"  " not in body
        assert b"\n" not in body.replace(b"\r\n", b"")

    def test_attachments_stand_behind_the_texts(self) -> None:
        content = Content("0" * 64, Channel.EMAIL, "s", "<p>{{ company }}</p>", "{{ company }}", ())
        given = {"given_name": "", "company": "Ao", "advertiser_name": "x"}
        tail = b"--=_mixed\r\nContent-Type: application/pdf\r\n\r\nx\r\n--=_mixed--\r\n"

        mail = parsed(by_form(content, given, Enclosure("=_mixed", tail)))

        texts, file = mail.iter_parts()
        assert [it.get_content().strip() for it in texts.iter_parts()] == ["Ao", "<p>Ao</p>"]
        assert file.get_content_type() == "application/pdf"


class TestOpen:
    @pytest.mark.parametrize(
        "source",
        [
            "{{ given_name | upper }}",
            "{{ given_name ~ company }}",
            "{% if given_name == 'A' %}x{% endif %}",
            "{% for it in given_name %}x{% endfor %}",
            "{% set a = given_name %}{{ a }}",
            "{{{ given_name }}",
            "{# {{ given_name }} #}",
            "{% raw %}{{ given_name }}{% endraw %}",
            "\ue000given_name\ue001",
        ],
    )
    def test_what_does_more_with_a_value_is_made_one_by_one(self, source: str) -> None:
        assert not outlines.is_open(source)

    def test_a_fixed_value_that_looks_like_a_mark_is_no_place(self) -> None:
        content = Content("0" * 64, Channel.EMAIL, "", "", "{{ advertiser_name }}", ())

        assert Renderer(content).outline([], {"advertiser_name": "\ue000given_name\ue001"}) is None


class TestQuoted:
    @given(st.text(letters | st.sampled_from("  .=F\n"), max_size=300))
    def test_pieces_behind_each_other_come_back(self, text: str) -> None:
        half = len(text) // 2
        raw = quoted(text[:half]) + quoted(text[half:])
        mail = email.message_from_bytes(
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + raw
        )

        read = mail.get_payload(decode=True)

        assert isinstance(read, bytes)
        assert read.decode().replace("\r\n", "\n") == text
