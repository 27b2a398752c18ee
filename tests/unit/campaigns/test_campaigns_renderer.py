"""Templates are judged by what they do, in a process where they can do no harm."""

import asyncio
import os
import signal
import subprocess
from typing import Any

import pytest

from chassis.errors import InvalidArgument, Unavailable
from services.campaigns.clients.renderer import Renderer
from services.campaigns.domain.kinds import Markup
from services.campaigns.domain.rendering import Source


class TestARendererOnABusyMachine:
    async def test_it_does_not_blame_the_template(self) -> None:
        renderer = Renderer(wall_seconds=0.001)
        source = Source({"text": "Chào {{ display_name }}"}, {"text": 1_000})

        with pytest.raises(Unavailable) as refused:
            await renderer.admit(source)

        assert refused.value.reason == "PEER_UNAVAILABLE"

    async def test_whoever_waits_no_more_leaves_no_process_behind(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        children: list[subprocess.Popen[bytes]] = []
        started, start = asyncio.Event(), subprocess.Popen

        def note(*args: Any, **given: Any) -> subprocess.Popen[bytes]:
            children.append(start(*args, **given))
            started.set()
            return children[0]

        monkeypatch.setattr(subprocess, "Popen", note)
        asking = asyncio.create_task(Renderer().admit(Source({"text": "x"}, {"text": 1_000})))
        await started.wait()

        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        assert children[0].returncode == -signal.SIGKILL

    async def test_it_is_started_with_nothing_of_this_process_between_fork_and_exec(self) -> None:
        """An event loop that forks runs hooks in the copy of a process with threads: it crashed."""
        asked: list[str] = []
        os.register_at_fork(after_in_parent=lambda: asked.append("forked"))

        await Renderer().admit(Source({"text": "x"}, {"text": 1_000}))

        assert asked == []


class TestAdmission:
    async def test_what_a_template_uses_is_told(self) -> None:
        source = Source({"subject": "{{ company }}", "html": "{{ unsubscribe_url }}", "text": ""})

        admitted = await Renderer().admit(source)

        assert admitted.variables == ["company", "unsubscribe_url"]
        assert admitted.fields == source.fields

    async def test_mjml_is_compiled_in_the_same_process(self) -> None:
        body = (
            "<mj-section><mj-column><mj-text>Chào {{ company }}</mj-text></mj-column></mj-section>"
        )
        html = f"<mjml><mj-body>{body}</mj-body></mjml>"
        source = Source({"subject": "x", "html": html, "text": ""}, {}, Markup.MJML)

        admitted = await Renderer().admit(source)

        assert admitted.variables == ["company"]
        assert "<table" in admitted.fields["html"]
        assert admitted.fields["text"] == "Chào {{ company }}\n"

    async def test_mjml_that_is_none_is_refused_with_its_line(self) -> None:
        source = Source({"subject": "x", "html": "<mjml>\n<mj-x/>", "text": ""}, {}, Markup.MJML)

        with pytest.raises(InvalidArgument) as refused:
            await Renderer().admit(source)

        (found,) = refused.value.violations
        assert (found.field, found.description) == (
            "template.html",
            "line 2: there is no element <mj-x>",
        )

    @pytest.mark.parametrize(
        "text",
        [
            "{% for i in range(9000) %}"
            "{% set a = given_name * 400000 %}{{ a|sort|length }}{% endfor %}",
            "{% set n = namespace(a='x'*1000) %}"
            "{% for i in range(40) %}{% set n.a = n.a ~ n.a %}{% endfor %}{{ n.a }}",
        ],
    )
    async def test_one_that_takes_time_or_memory_for_ever_ends_alone(self, text: str) -> None:
        with pytest.raises(InvalidArgument) as refused:
            await Renderer(wall_seconds=60).admit(Source({"text": text}, {"text": 1_000}))

        assert refused.value.reason == "TEMPLATE_REFUSED"
        assert refused.value.violations[0].field == "template.text"

    async def test_an_unknown_variable_is_named_with_its_line(self) -> None:
        with pytest.raises(InvalidArgument) as refused:
            await Renderer().admit(Source({"html": "a\n{{ card_number }}", "text": ""}))

        (found,) = refused.value.violations
        assert found.field == "template.html"
        assert found.description == "line 2: unknown variable 'card_number'"


class TestRendering:
    async def test_one_who_cannot_be_rendered_does_not_stop_the_others(self) -> None:
        source = Source({"text": "{% if ward == 'x' %}{{ 1 / 0 }}{% endif %}{{ ward }}"})

        failed, done = await Renderer().render(source, [{"ward": "x"}, {"ward": "Sài Gòn"}])

        assert failed.refusal is not None
        assert failed.refusal.line == 1
        assert done.fields == {"text": "Sài Gòn"}
