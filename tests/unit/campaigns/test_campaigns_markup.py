"""MJML and styles become HTML; places for data stay as they were written."""

import contextlib
import socket
from html.parser import HTMLParser
from typing import Any

import minijinja
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.domain import markup
from services.campaigns.domain.kinds import Markup
from services.campaigns.domain.rendering import Refused


def mjml(body: str, head: str = "") -> str:
    """A whole MJML document."""
    return f"<mjml><mj-head>{head}</mj-head><mj-body>{body}</mj-body></mjml>"


def text(content: str) -> str:
    """A text in its section."""
    return f"<mj-section><mj-column><mj-text>{content}</mj-text></mj-column></mj-section>"


def refusal(source: str, written_in: Markup = Markup.MJML) -> str:
    """Why a source is refused."""
    with pytest.raises(Refused) as refused:
        markup.compiled(source, written_in)
    assert refused.value.refusal.field == "html"
    return refused.value.refusal.text


class TestMjml:
    def test_it_becomes_a_page_of_tables(self) -> None:
        html = markup.compiled(mjml(text("Chào")), Markup.MJML)

        assert html.startswith("<!doctype html>") or html.startswith("<!DOCTYPE html>")
        assert "<table" in html
        assert "<mj-" not in html

    @pytest.mark.parametrize(
        "tag",
        [
            "{{ given_name }}",
            '{{ given_name | default("<b>bạn</b> & Co") }}',
            "{% if company %}x{% endif %}",
            "{% if 1 < 2 and '>' != \"<\" %}x{% endif %}",
            "{# &nothing; <mj-foo> #}",
        ],
    )
    def test_places_in_text_stay_as_written(self, tag: str) -> None:
        assert tag in markup.compiled(mjml(text(f"a {tag} b")), Markup.MJML)

    def test_places_in_attributes_stay_as_written(self) -> None:
        tag = '{{ unsubscribe_url | default("x") }}'
        button = f'<mj-button href="{tag}">Thôi</mj-button>'
        body = f"<mj-section><mj-column>{button}</mj-column></mj-section>"

        assert f'href="{tag}"' in markup.compiled(mjml(body), Markup.MJML)

    def test_a_section_may_depend_on_who_reads(self) -> None:
        source = mjml(
            "{% if company %}" + text("Công ty") + "{% else %}" + text("Bạn") + "{% endif %}"
        )
        html = markup.compiled(source, Markup.MJML)
        environment = minijinja.Environment(templates={"x": html})

        assert "Công ty" in environment.render_template("x", company="A")
        assert "Công ty" not in environment.render_template("x")
        assert "Bạn" in environment.render_template("x")

    def test_its_own_styles_are_inlined_and_what_cannot_be_stays(self) -> None:
        head = "<mj-style>.a { color: #010203 } @media (max-width:9px) { .a { x: y } }</mj-style>"
        html = markup.compiled(mjml(text('<p class="a">x</p>'), head), Markup.MJML)

        assert 'style="' in html.partition('<p class="a"')[2].partition(">")[0]
        assert "#010203" in html.partition('<p class="a"')[2].partition(">")[0]
        assert "@media" in html

    def test_readers_fetch_no_fonts_from_elsewhere(self) -> None:
        assert "fonts.googleapis" not in markup.compiled(mjml(text("x")), Markup.MJML)

    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ("<p>Chào</p>", "line 1: MJML begins with <mjml>"),
            (
                "<mjml>\n<mj-body>\n<mj-foo/></mj-body></mjml>",
                "line 3: there is no element <mj-foo>",
            ),
            (
                "<mjml><mj-body>\n<mj-section>\n</mj-body></mjml>",
                "line 3: </mj-body> closes nothing; <mj-section> of line 2 is open",
            ),
            ("<mjml>\n<mj-body>", "line 2: <mj-body> is not closed"),
            ("<mjml><mj-body></mj-body></mjml></mjml>", "line 1: </mjml> closes nothing"),
            (
                mjml("\n<mj-include path='/etc/passwd'/>"),
                "line 2: mj-include is not possible: a template has everything in it",
            ),
            ("<mjml>{{ a\n}}\n<mj-oops></mjml>", "line 3: there is no element <mj-oops>"),
            (mjml("\n<mj-section a=></mj-section>"), "line 2: "),
            (mjml("", "<mj-attributes>\n{{ a }}\n</mj-attributes>"), "line 2: "),
            (mjml(text("x"), "<mj-title>\n{% if company %}a{% endif %}{{ b }}</mj-title>"), ""),
        ],
    )
    def test_what_is_wrong_is_told_with_its_line(self, source: str, why: str) -> None:
        if why:
            assert refusal(source).startswith(why)
        else:
            markup.compiled(source, Markup.MJML)

    def test_a_place_that_would_vanish_is_named(self) -> None:
        source = mjml('\n<mj-section color-of-nothing="{{ given_name }}"></mj-section>')

        assert refusal(source) == "line 2: {{ given_name }} stands where nothing is shown"


class TestHtml:
    def test_without_styles_it_is_left_alone(self) -> None:
        source = "<p>{{ a }}<br>{% if b %}<td>"

        assert markup.compiled(source, Markup.HTML) == source

    def test_styles_are_written_into_elements(self) -> None:
        html = markup.compiled(
            "<style>p { color: red } @media print { p { x: y } }</style><p>{{ a }}</p>", Markup.HTML
        )

        assert '<p style="color: red;">{{ a }}</p>' in html
        assert "@media print" in html

    def test_a_loop_over_rows_stays_within_its_table(self) -> None:
        html = markup.compiled(
            "<style>td { color: red }</style><table>{% for i in range(3) %}"
            "<tr><td>{{ i }}</td></tr>{% endfor %}</table>",
            Markup.HTML,
        )
        shown = minijinja.Environment(templates={"x": html}).render_template("x")

        assert [cell for cell in _Cells.of(shown)] == ["0", "1", "2"]
        assert html.index("<table") < html.index("{% for")

    def test_a_condition_within_a_tag_stays_there(self) -> None:
        source = (
            '<style>a { color: red }</style><a {% if b %}class="c"{% endif %} href="{{ u }}">x</a>'
        )

        html = markup.compiled(source, Markup.HTML)

        assert html.count("{% if b %}") == html.count("{% endif %}") == 1
        assert 'href="{{ u }}"' in html

    def test_nothing_is_loaded_from_the_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            listening.settimeout(0.3)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/x.css"
            source = (
                f'<link rel="stylesheet" href="{url}"><style>@import "{url}"; p {{}}</style><p>'
            )

            markup.compiled(source, Markup.HTML)

            with pytest.raises(TimeoutError):
                listening.accept()

    @given(st.text(alphabet="<>/pstyle{%}# \n\"'=a", max_size=80))
    def test_anything_is_compiled_or_refused(self, noise: str) -> None:
        for source in (noise, f"<style>p {{ }}</style>{noise}", mjml(text(noise))):
            for written_in in Markup:
                with contextlib.suppress(Refused):
                    markup.compiled(source, written_in)


class _Cells(HTMLParser):
    """Collects the text of table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within = False

    @classmethod
    def of(cls, html: str) -> list[str]:
        reader = cls()
        reader.feed(html)
        return reader.found

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._within = tag == "td"

    def handle_data(self, data: str) -> None:
        if self._within and data.strip():
            self.found.append(data.strip())
