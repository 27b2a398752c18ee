"""From what people write, HTML or MJML, to the HTML that mail programs show.

Places for data (`{{ … }}`, `{% … %}`) are taken out before and put back after, so that no compiler
touches them. Nothing is read from the network or the disk.
"""

import re
from xml.parsers import expat

import css_inline
import mrml

from services.campaigns.domain.kinds import Markup
from services.campaigns.domain.rendering import Refusal, Refused

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_WORD = "mekongplace"
# In these a comment would be text.
_TEXTUAL = ("style", "title", "textarea", "mj-style", "mj-title", "mj-preview", "mj-attributes")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ELEMENT = re.compile(r"<(/?)(mj[a-z-]*)\b([^<>]*?)(/?)>")
_PLACE = re.compile(r"at position (\d+)")
_ELEMENTS = frozenset(
    "mjml mj-head mj-body mj-accordion mj-accordion-element mj-accordion-text mj-accordion-title"
    " mj-all mj-attributes mj-breakpoint mj-button mj-carousel mj-carousel-image mj-class mj-column"
    " mj-divider mj-font mj-group mj-hero mj-image mj-navbar mj-navbar-link mj-preview mj-raw"
    " mj-section mj-social mj-social-element mj-spacer mj-style mj-table mj-text mj-title"
    " mj-wrapper".split()
)


def compiled(html: str, markup: Markup) -> str:
    """Return the HTML; raises `Refused` naming the line."""
    taken = _Tags(html)
    if markup is Markup.MJML:
        _check_elements(taken)
        done = _mjml(taken)
        styled = "<mj-style" in taken.text
    else:
        done, styled = taken.text, "<style" in taken.text.lower()
    if styled:
        done = _inlined(done)
    return taken.back_in(done)


class _Tags:
    """A source without its tags for data, each of which left a mark."""

    def __init__(self, source: str) -> None:
        self.source = source
        word = _WORD
        while word in source:
            word += "x"
        # Letters only: compilers escape what is rarer.
        self._mark = re.compile(rf"<!--{word}(\d+)z-->|{word}(\d+)z")
        self._tags: list[re.Match[str]] = []
        before = ""
        at = 0
        for found in _TAG.finditer(source):
            before += source[at : found.start()]
            mark = f"{word}{len(self._tags)}z"
            if found.group().startswith("{%") and _between_elements(before):
                mark = f"<!--{mark}-->"
            self._tags.append(found)
            before += mark
            at = found.end()
        self.text = before + source[at:]

    def back_in(self, done: str) -> str:
        """Return `done` with the tags where their marks are; every one has to be somewhere."""
        seen: set[int] = set()

        def tag(found: re.Match[str]) -> str:
            number = int(found.group(1) or found.group(2))
            seen.add(number)
            return self._tags[number].group() if number < len(self._tags) else ""

        whole = self._mark.sub(tag, done)
        for number, found in enumerate(self._tags):
            if number not in seen:
                line = self.source.count("\n", 0, found.start()) + 1
                raise _refused(f"{found.group()} stands where nothing is shown", line)
        return whole

    def line(self, place: int) -> int:
        """Return the line of the source that a place of the text is on."""
        tags = [int(it.group(1) or it.group(2)) for it in self._mark.finditer(self.text[:place])]
        within = sum(self._tags[number].group().count("\n") for number in tags)
        return self.text.count("\n", 0, place) + within + 1


def _between_elements(before: str) -> bool:
    """Whether what follows is neither inside of a tag, nor a comment, nor text of a style."""
    if before.rfind("<") > before.rfind(">") or before.rfind("<!--") > before.rfind("-->"):
        return False
    lower = before[-20_000:].lower()
    return all(lower.rfind(f"<{name}") <= lower.rfind(f"</{name}") for name in _TEXTUAL)


def _check_elements(taken: _Tags) -> None:
    """Say which element is unknown, not closed or closed without being open, and where."""
    text = _COMMENT.sub(lambda found: " " * len(found.group()), taken.text)
    open_: list[tuple[str, int]] = []
    for found in _ELEMENT.finditer(text):
        closing, name, _, empty = found.groups()
        line = taken.line(found.start())
        if name == "mj-include":
            raise _refused("mj-include is not possible: a template has everything in it", line)
        if name not in _ELEMENTS:
            raise _refused(f"there is no element <{name}>", line)
        if not closing and not empty:
            open_.append((name, line))
        elif closing and (not open_ or open_[-1][0] != name):
            still = f"; <{open_[-1][0]}> of line {open_[-1][1]} is open" if open_ else ""
            raise _refused(f"</{name}> closes nothing{still}", line)
        elif closing:
            open_.pop()
    if open_:
        raise _refused(f"<{open_[-1][0]}> is not closed", open_[-1][1])
    if not text.lstrip().startswith("<mjml"):
        raise _refused("MJML begins with <mjml>", 1)


def _mjml(taken: _Tags) -> str:
    options = mrml.ParserOptions(include_loader=mrml.noop_loader())
    try:
        # No fonts: they would have every reader fetch something from elsewhere.
        return mrml.to_html(taken.text, options, mrml.RenderOptions(fonts={})).content
    except OSError as wrong:
        raise _refused(str(wrong), _line_of(taken, str(wrong))) from None


def _line_of(taken: _Tags, said: str) -> int:
    """Return the line of an error: as the compiler says, or where XML ends to be any."""
    place = _PLACE.search(said)
    if place is not None:
        before = taken.text.encode()[: int(place.group(1))].decode(errors="ignore")
        rest = taken.text[len(before) :]
        return taken.line(len(before) + len(rest) - len(rest.lstrip()))
    parser = expat.ParserCreate()
    try:
        parser.Parse(taken.text.replace("&", "+"), True)
    except expat.ExpatError as broken:
        lines = taken.text.split("\n")[: broken.lineno - 1]
        return taken.line(sum(map(len, lines)) + len(lines))
    return 0


def _inlined(html: str) -> str:
    # What cannot be inlined, such as @media, stays where it is; nothing is loaded.
    inliner = css_inline.CSSInliner(
        load_remote_stylesheets=False, keep_style_tags=True, keep_link_tags=True
    )
    try:
        return inliner.inline(html)
    except (css_inline.InlineError, ValueError) as wrong:
        raise _refused(f"its styles cannot be read: {wrong}", 0) from None


def _refused(reason: str, line: int) -> Refused:
    return Refused(Refusal("html", reason, line))
