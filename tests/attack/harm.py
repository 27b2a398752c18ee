"""What of a page a browser would run."""

from html.parser import HTMLParser


class Harm(HTMLParser):
    """Notes what of a page a browser would run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down events of elements, addresses that run, and scripts without a source."""
        given = dict(attrs)
        for name, value in given.items():
            runs = (
                (value or "").strip().lower().startswith(("javascript:", "data:text", "vbscript:"))
            )
            if name.startswith("on") or (runs and name in _ADDRESSES):
                self.found.append(f"<{tag} {name}={value!r}>")
        if tag == "script" and not (given.get("src") or "").startswith("/static/"):
            self.found.append("<script>")
        if tag == "iframe" and "srcdoc" in given and given.get("sandbox", "no") != "":
            self.found.append("<iframe srcdoc> without a sandbox")


_ADDRESSES = {"href", "src", "action", "formaction", "data", "xlink:href", "hx-get", "hx-post"}


def harm(page: str) -> list[str]:
    """What of a page would run, empty for a good one."""
    parser = Harm()
    parser.feed(page)
    return parser.found
