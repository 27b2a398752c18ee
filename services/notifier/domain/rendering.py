"""Turns a content and one person's values into text, within limits."""

from collections.abc import Mapping

import minijinja

from services.notifier.domain.work import Content

# The environment of docs/templates.md, in which templates were admitted.
FUEL = 50_000
LONGEST_VALUE = 200
OURS = frozenset({"unsubscribe_url", "advertiser_name", "advertiser_address"})
LONGEST_SUBJECT = 998
LONGEST_BODY = 1024 * 1024


class RenderFailed(Exception):
    """This person's message cannot be made; the others are not touched."""


class Renderer:
    """One content, parsed once."""

    def __init__(self, content: Content) -> None:
        """Raises `RenderFailed` when a part does not parse."""
        self.content = content
        self._parts = {name: bool(source) for name, source in self._sources().items()}
        self._env = minijinja.Environment(
            fuel=FUEL,
            undefined_behavior="lenient",
            auto_escape_callback=lambda name: name == "html",
            debug=False,
        )
        try:
            for name, source in self._sources().items():
                self._env.add_template(name, source)
        except minijinja.TemplateError as wrong:
            raise RenderFailed(wrong.kind) from None

    def render(self, values: Mapping[str, str]) -> tuple[str, str, str]:
        """Subject, HTML and text of one person; the subject is one line.

        An empty value is left out, so that `default("…")` applies to it.
        """
        capped = {
            name: value if len(value) <= LONGEST_VALUE or name in OURS else value[:LONGEST_VALUE]
            for name, value in values.items()
            if value
        }
        try:
            subject, html, text = [
                self._env.render_template(name, **capped) if is_there else ""
                for name, is_there in self._parts.items()
            ]
        except (minijinja.TemplateError, ValueError) as wrong:
            raise RenderFailed(getattr(wrong, "kind", "value")) from None
        if len(html) > LONGEST_BODY or len(text) > LONGEST_BODY:
            raise RenderFailed("too long")
        return " ".join(subject.split())[:LONGEST_SUBJECT], html, text

    def _sources(self) -> dict[str, str]:
        return {
            "subject": self.content.subject,
            "html": self.content.html,
            "text": self.content.body,
        }
