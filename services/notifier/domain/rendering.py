"""Turns a content and one person's values into text, within limits."""

import html
from collections.abc import Mapping, Sequence

import minijinja

from services.notifier.domain import outlines
from services.notifier.domain.work import Content

# The environment of docs/templates.md, in which templates were admitted.
FUEL = 50_000
LONGEST_VALUE = 200
OURS = frozenset({"unsubscribe_url", "advertiser_name", "advertiser_address"})
LONGEST_SUBJECT = 998
LONGEST_BODY = 1024 * 1024
_MOST_PLACES = 200  # of so many values an outline has room for the longest

Texts = tuple[str, str, str]
"""Subject, HTML and text."""


class RenderFailed(Exception):
    """This person's message cannot be made; the others are not touched."""


class Renderer:
    """One content, parsed once."""

    def __init__(self, content: Content) -> None:
        """Raises `RenderFailed` when a part does not parse."""
        self.content = content
        self._parts = {name: bool(source) for name, source in self._sources().items()}
        self._is_open = all(outlines.is_open(source) for source in self._sources().values())
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

    def render(self, values: Mapping[str, str]) -> Texts:
        """Subject, HTML and text of one person; the subject is one line.

        An empty value is left out, so that `default("…")` applies to it.
        """
        subject, html, text = self._render(
            {
                name: value if name in OURS else capped(value)
                for name, value in values.items()
                if value
            }
        )
        if len(html) > LONGEST_BODY or len(text) > LONGEST_BODY:
            raise RenderFailed("too long")
        return one_line(subject), html, text

    def outline(self, names: Sequence[str], fixed: Mapping[str, str]) -> Texts | None:
        """Subject, HTML and text of everybody of whom just these values are known.

        They have a mark for each value, and are not escaped there; `fixed` are values that all have
        in common. None if the template does more with a value than to show it.
        """
        if not self._is_open or any(map(outlines.has_marks, fixed.values())):
            return None
        there = {name: value for name, value in fixed.items() if value}
        texts = self._render({**there, **outlines.marks(names)})
        _, html, text = texts
        # Room for values that are escaped, and for what the law adds.
        if max(len(html), len(text)) > LONGEST_BODY // 4:
            return None
        return texts if max(map(outlines.count, texts)) <= _MOST_PLACES else None

    def _render(self, values: Mapping[str, str]) -> Texts:
        try:
            subject, html, text = [
                self._env.render_template(name, **values) if is_there else ""
                for name, is_there in self._parts.items()
            ]
        except (minijinja.TemplateError, ValueError) as wrong:
            raise RenderFailed(getattr(wrong, "kind", "value")) from None
        return subject, html, text

    def _sources(self) -> dict[str, str]:
        return {
            "subject": self.content.subject,
            "html": self.content.html,
            "text": self.content.body,
        }


def capped(value: str) -> str:
    """A value as far as it is shown."""
    return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE]


def one_line(subject: str) -> str:
    """A subject as it is shown, however it was rendered."""
    return " ".join(subject.split())[:LONGEST_SUBJECT]


def escaped(value: str) -> str:
    """A value as it stands in HTML."""
    return html.escape(value)
