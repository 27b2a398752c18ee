"""The e-mails that bring a proposal's link."""

import html
from collections.abc import Mapping
from dataclasses import dataclass

from services.interactions.domain.proposals.sheets import Sheet

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "subject": "{title} – {number}",
        "reminder": "Nhắc: {title} – {number}",
        "hello": "Kính gửi {recipient},",
        "hello_nobody": "Kính gửi Quý khách,",
        "what": "Mời bạn xem báo giá {number} và trả lời tại liên kết dưới đây.",
        "remind": "Báo giá {number} đang chờ bạn trả lời và sẽ hết hiệu lực sau ngày {until}.",
        "total": "Tổng cộng: {total}",
        "until": "Hiệu lực đến: {until}",
        "button": "Xem báo giá",
    },
    "en": {
        "subject": "{title} – {number}",
        "reminder": "Reminder: {title} – {number}",
        "hello": "Dear {recipient},",
        "hello_nobody": "Hello,",
        "what": "Please read our proposal {number} and answer it by the link below.",
        "remind": "Our proposal {number} waits for your answer; its last day is {until}.",
        "total": "Total: {total}",
        "until": "Valid until: {until}",
        "button": "Read the proposal",
    },
}


@dataclass(frozen=True)
class Letter:
    """An e-mail as it is handed over: no template, the words themselves."""

    subject: str
    text: str
    html: str


def invitation(sheet: Sheet, link: str, words: str) -> Letter:
    """Returns the e-mail that a proposal goes out with; `words` are the sender's own."""
    return _letter(sheet, link, "subject", "what", words)


def reminder(sheet: Sheet, link: str) -> Letter:
    """Returns the e-mail that goes out before a proposal expires."""
    return _letter(sheet, link, "reminder", "remind", "")


def _letter(sheet: Sheet, link: str, subject: str, what: str, words: str) -> Letter:
    texts = _TEXTS[sheet["locale"]]
    facts = {
        "title": sheet["title"],
        "number": sheet["number"],
        "recipient": sheet["recipient"],
        "total": sheet["total"],
        "until": sheet["valid_until"],
    }
    hello = texts["hello" if sheet["recipient"] else "hello_nobody"].format(**facts)
    parts = [hello, *([words] if words else []), texts[what].format(**facts)]
    closing = [texts["total"].format(**facts), texts["until"].format(**facts)]
    plain = "\n\n".join([*parts, link, "\n".join(closing)]) + "\n"
    shown = "".join(f"<p>{_escaped(it)}</p>" for it in parts)
    button = f'<p><a href="{html.escape(link)}">{_escaped(texts["button"])}</a></p>'
    below = f"<p>{'<br>'.join(_escaped(it) for it in closing)}</p>"
    return Letter(_one_line(texts[subject].format(**facts)), plain, shown + button + below)


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _one_line(text: str) -> str:
    """Returns a text without line breaks and control characters, as a subject must be."""
    return " ".join("".join(it if it.isprintable() else " " for it in text).split())[:500]
