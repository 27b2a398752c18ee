"""Messages are rendered for each person in the environment that templates were admitted in."""

import pytest

from services.notifier.domain.rendering import Renderer, RenderFailed
from services.notifier.domain.states import Channel
from services.notifier.domain.work import Content


def renderer(subject: str = "", html: str = "", body: str = "") -> Renderer:
    return Renderer(Content("0" * 64, Channel.EMAIL, subject, html, body, ()))


class TestRendering:
    def test_an_empty_value_takes_the_templates_default(self) -> None:
        _, _, text = renderer(body="Chào {{ given_name | default('bạn') }}").render(
            {"given_name": ""}
        )

        assert text == "Chào bạn"

    def test_values_are_escaped_in_html_and_cut(self) -> None:
        _, html, _ = renderer(html="{{ company }}").render({"company": "<b>" + "x" * 300})

        assert html == "&lt;b&gt;" + "x" * 197

    def test_our_own_links_are_not_cut(self) -> None:
        link = "https://a.example/u/" + "t" * 400

        _, _, text = renderer(body="{{ unsubscribe_url }}").render({"unsubscribe_url": link})

        assert text == link

    def test_a_subject_is_one_line(self) -> None:
        subject, _, _ = renderer(subject="{{ company }}").render({"company": "a\r\nBcc: b"})

        assert subject == "a Bcc: b"

    def test_a_loop_that_runs_for_ever_fails_this_person_only(self) -> None:
        endless = "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}"

        with pytest.raises(RenderFailed):
            renderer(body=endless).render({})
