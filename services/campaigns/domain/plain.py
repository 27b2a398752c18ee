"""The text part of an e-mail, made from its HTML."""

import re
from html.parser import HTMLParser

_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_MARK = re.compile("\ue000(\\d+)\ue001")
_SILENT = frozenset({"script", "style", "head", "title", "template"})
_BLOCKS = frozenset(
    "address article aside blockquote dd div dl dt figure footer form h1 h2 h3 h4 h5 h6 header hr"
    " li main nav ol p pre section table tr ul".split()
)


def from_html(html: str) -> str:
    """Return a readable text of a template's HTML; what is between braces stays as it is."""
    kept: list[str] = []

    def mark(found: re.Match[str]) -> str:
        kept.append(found.group())
        return f"\ue000{len(kept) - 1}\ue001"

    reader = _Reader()
    reader.feed(_TAGS.sub(mark, html))
    reader.close()
    text = _MARK.sub(lambda found: kept[int(found.group(1))], _tidy("".join(reader.parts)))
    return text + "\n" if text else ""


def _tidy(text: str) -> str:
    lines = [re.sub(r"[ \t\r\f\v\xa0]+", " ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    """Collects text, line breaks of blocks, and the addresses of links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a block, remember a link, fall silent in what nobody reads."""
        given = dict(attrs)
        if tag in _SILENT:
            self._silent += 1
        elif tag == "br":
            self._add("\n")
        elif tag in _BLOCKS:
            self._add("\n\n" if tag in ("p", "h1", "h2", "h3") else "\n")
            self._add("- " if tag == "li" else "")
        elif tag == "td":
            self._add(" ")
        elif tag == "a":
            self._links.append(given.get("href") or "")
        elif tag == "img":
            self._add(given.get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        """Close a block, and say where a link leads."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "a" and self._links:
            address = self._links.pop()
            if address and not address.startswith(("#", "mailto:", "tel:")):
                self._add(f" ({address})")
        elif tag in _BLOCKS:
            self._add("\n\n" if tag in ("p", "h1", "h2", "h3") else "\n")

    def handle_data(self, data: str) -> None:
        """Keep text; line breaks of the source mean nothing."""
        self._add(re.sub(r"\s+", " ", data))

    def _add(self, text: str) -> None:
        if not self._silent:
            self.parts.append(text)
