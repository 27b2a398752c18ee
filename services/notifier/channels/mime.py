"""Mails as bytes: a skeleton made once for a sender, filled for each recipient."""

import binascii
import re
from collections.abc import Callable
from typing import NamedTuple

from services.notifier.domain.states import Purpose
from services.notifier.domain.work import Key, Sender

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_BARE = re.compile(r"\r\n?")
_WORD_BYTES = 45
_PLAIN = re.compile(r"[\x20-\x7e]*")

Sign = Callable[[bytes], bytes]
"""Returns a message with its signature header before it; the place of DKIM."""


class Mail(NamedTuple):
    """What differs from one recipient to the next."""

    key: Key
    to: str
    subject: str
    html: str
    text: str
    unsubscribe_url: str
    date: str


class Composer:
    """Fills the skeleton of one sender and purpose."""

    def __init__(
        self,
        sender: Sender,
        purpose: Purpose,
        *,
        domain: str,
        stream: str,
        sign: Sign | None = None,
    ) -> None:
        """`stream` names the campaign or lane to feedback loops."""
        self._domain = domain
        self._sign = sign
        bulk = purpose is not Purpose.TRANSACTIONAL
        lines = [
            f"From: {_mailbox(sender.display_name or sender.advertiser_name, sender.address)}",
            "MIME-Version: 1.0",
            "Auto-Submitted: auto-generated",
            f"Feedback-ID: {stream}:{sender.advertiser_id}:{purpose.name.lower()}:mekong",
        ]
        if sender.reply_to:
            lines.append(f"Reply-To: {_clean(sender.reply_to)}")
        if bulk:
            name = encoded(sender.advertiser_name)
            lines.append(f"List-Id: {name} <{sender.advertiser_id}.lists.{domain}>")
        self._head = "\r\n".join(lines)

    def compose(self, mail: Mail) -> bytes:
        """The message as it goes after DATA: CRLF only, dots stuffed, without the final dot."""
        message_id = str(mail.key.message_id)
        unsubscribe = ""
        if mail.unsubscribe_url:
            unsubscribe = (
                f"List-Unsubscribe: <{_clean(mail.unsubscribe_url)}>\r\n"
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            )
        head = (
            f"{self._head}\r\nDate: {mail.date}\r\nMessage-ID: <{message_id}@{self._domain}>\r\n"
            f"X-Mekong-Message-Id: {message_id}\r\nTo: {_clean(mail.to)}\r\n"
            f"Subject: {encoded(mail.subject)}\r\n{unsubscribe}"
        )
        whole = head.encode() + _body(mail, message_id)
        if self._sign is not None:
            whole = self._sign(whole)
        return whole.replace(b"\r\n.", b"\r\n..")


def encoded(value: str) -> str:
    """A header value: as it is when short ASCII, otherwise RFC 2047 words, folded.

    Line breaks and other controls become spaces, so that no value can begin a header.
    """
    value = _clean(value)
    if len(value) <= 66 and _PLAIN.fullmatch(value) and "=?" not in value:
        return value
    data = value.encode("utf-8", "replace")
    words: list[str] = []
    start = 0
    while start < len(data) or not words:
        end = min(start + _WORD_BYTES, len(data))
        # No word may end within a letter: its continuing bytes are 10xxxxxx.
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(_word(data[start:end]))
        start = end
    return "\r\n ".join(words)


def _word(chunk: bytes) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(chunk, newline=False).decode()}?="


def _clean(value: str) -> str:
    # What prints has none of the letters that would have to go.
    return (value if value.isprintable() else _CONTROL.sub(" ", value)).strip()


def _mailbox(name: str, address: str) -> str:
    address = _clean(address)
    name = _clean(name)
    if not name:
        return address
    if re.fullmatch(r"[A-Za-z0-9 ]{1,60}", name):
        return f"{name} <{address}>"
    return f"{_words(name)} <{address}>"


def _words(value: str) -> str:
    """Always encoded words, since quotes and commas mean something in a mailbox."""
    plain = encoded(value)
    return plain if plain.startswith("=?") else _word(value.encode())


def _body(mail: Mail, mark: str) -> bytes:
    kinds = [(mail.text, "plain"), (mail.html, "html")]
    parts = [_part(text, kind) for text, kind in kinds if text] or [_part("", "plain")]
    if len(parts) == 1:
        return parts[0]
    # "=_" can occur in neither base64 nor quoted-printable.
    boundary = f"=_{mark}"
    opening = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode()
    line = f"--{boundary}".encode()
    inner = b"".join(line + b"\r\n" + part for part in parts)
    return opening + inner + line + b"--\r\n"


def _part(text: str, kind: str) -> bytes:
    if "\r" in text:
        text = _BARE.sub("\n", text)
    data = text.encode("utf-8", "replace")
    if len(data) - len(text) > len(text) // 6:
        how, body = b"base64", _base64(data.replace(b"\n", b"\r\n"))
    else:
        how = b"quoted-printable"
        body = binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n")
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    head = b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n"
    return head % (kind.encode(), how) + body


def _base64(data: bytes) -> bytes:
    whole = binascii.b2a_base64(data, newline=False)
    return b"\r\n".join([whole[at : at + 76] for at in range(0, len(whole), 76)])
