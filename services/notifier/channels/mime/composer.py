"""Fills the skeleton of a mail, and notes what of it is signed while it does."""

from typing import NamedTuple

from services.notifier.channels import dkim
from services.notifier.channels.mime import parts
from services.notifier.channels.mime.parts import Fields
from services.notifier.channels.mime.words import clean, encoded, mailbox
from services.notifier.domain.states import Purpose
from services.notifier.domain.work import Enclosure, Key, Sender


class Mail(NamedTuple):
    """What differs from one recipient to the next."""

    key: Key
    to: str
    subject: str
    html: str
    text: str
    unsubscribe_url: str
    date: str


class Draft(NamedTuple):
    """A mail before it is signed and its dots are stuffed.

    `names` and `fields` are those of the header that are signed, in their canonical form; `body`
    has its pieces, and whether each may have spaces that a signature does not count. The `tail`
    goes behind the finished mail as it is. Unless it `may_have_dots`, none of its lines begins with
    one.
    """

    head: bytes
    names: tuple[str, ...]
    fields: bytes
    body: list[tuple[bytes, bool]]
    tail: bytes = b""
    may_have_dots: bool = True


class Layout(NamedTuple):
    """A header with places for what differs from one mail to the next, and what of it is signed."""

    written: str
    signed: str
    names: tuple[str, ...]

    def fill(
        self, message_id: str, to: str, subject: str, url: str, date: str
    ) -> tuple[bytes, tuple[str, ...], bytes]:
        """The header of one mail and what of it is signed; `subject` is encoded, `url` clean."""
        to = clean(to)
        link = (url,) if url else ()
        written = self.written % (message_id, date, message_id, to, subject, *link)
        if not self.signed:
            return written.encode(), (), b""
        signed = self.signed % (date, message_id, to, dkim.relaxed(subject), *link)
        return written.encode(), self.names, signed.encode()


class Composer:
    """Fills the skeleton of one sender and purpose."""

    def __init__(
        self,
        sender: Sender,
        purpose: Purpose,
        *,
        domain: str,
        stream: str,
        sign: dkim.Signer | None = None,
    ) -> None:
        """`stream` names the campaign or lane to feedback loops."""
        self._domain = domain
        self._sign = sign
        address = mailbox(sender.display_name or sender.advertiser_name, sender.address)
        fields = [
            ("From", address),
            ("MIME-Version", "1.0"),
            ("Auto-Submitted", "auto-generated"),
            ("Feedback-ID", f"{stream}:{sender.advertiser_id}:{purpose.name.lower()}:mekong"),
        ]
        if sender.reply_to:
            fields.append(("Reply-To", clean(sender.reply_to)))
        if purpose is not Purpose.TRANSACTIONAL:
            name = encoded(sender.advertiser_name)
            fields.append(("List-Id", f"{name} <{sender.advertiser_id}.lists.{domain}>"))
        self._written = parts.written(fields)
        self._signed = dkim.canonical(fields)
        self._names = tuple(name for name, _ in fields)

    @property
    def signs(self) -> bool:
        """Whether `finish` signs."""
        return self._sign is not None

    @property
    def is_slow(self) -> bool:
        """Whether `finish` belongs into a thread."""
        return self._sign is not None and self._sign.slow

    def compose(self, mail: Mail, enclosure: Enclosure | None = None) -> bytes:
        """The message as it goes after DATA: CRLF only, dots stuffed, without the final dot."""
        draft = self.draft(mail, enclosure)
        return self.finish(draft) + draft.tail

    def draft(self, mail: Mail, enclosure: Enclosure | None = None) -> Draft:
        """The message before it is signed and its dots are stuffed."""
        message_id = str(mail.key.message_id)
        more, body = _body(mail, message_id)
        tail = b""
        if enclosure is not None:
            more, opening = before(enclosure, more)
            body, tail = [(opening, False), *body], enclosure.tail
        layout = self.layout(has_link=bool(mail.unsubscribe_url), more=more)
        subject = encoded(mail.subject)
        head = layout.fill(message_id, mail.to, subject, clean(mail.unsubscribe_url), mail.date)
        return Draft(*head, body, tail)

    def layout(self, *, has_link: bool, more: Fields) -> Layout:
        """The header of mails that end with `more`; without a link nobody can refuse."""
        fields = [
            ("Date", "%s"),
            ("Message-ID", f"<%s@{_fixed(self._domain)}>"),
            ("To", "%s"),
            ("Subject", "%s"),
        ]
        if has_link:
            fields += [
                ("List-Unsubscribe", "<%s>"),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ]
        fields += [(name, _fixed(value)) for name, value in more]
        written = f"{_fixed(self._written)}X-Mekong-Message-Id: %s\r\n{parts.written(fields)}\r\n"
        if self._sign is None:
            return Layout(written, "", ())
        signed = _fixed(self._signed) + dkim.canonical(fields)
        return Layout(written, signed, self._names + tuple([it[0] for it in fields]))

    def finish(self, draft: Draft) -> bytes:
        """Signs a draft and stuffs its dots; may run in any thread. Its tail is to be added."""
        signatures = b""
        if self._sign is not None:
            digest = dkim.body_digest(draft.body, draft.tail)
            signatures = self._sign(draft.names, draft.fields, digest)
        mail = b"".join([signatures, draft.head, *[it[0] for it in draft.body]])
        return parts.stuffed(mail) if draft.may_have_dots else mail


def _fixed(text: str) -> str:
    """A text that stays as it is when a layout is filled."""
    return text.replace("%", "%%")


def before(enclosure: Enclosure, fields: Fields) -> tuple[Fields, bytes]:
    """The last fields of the header, and what stands before the body that has `fields`."""
    opening = f"--{enclosure.boundary}\r\n{parts.written(fields)}\r\n".encode()
    kind = f'multipart/mixed; boundary="{enclosure.boundary}"'
    return [("Content-Type", kind)], opening


def _body(mail: Mail, mark: str) -> tuple[Fields, list[tuple[bytes, bool]]]:
    """The last fields of the header, and the body."""
    kinds = [(mail.text, "plain"), (mail.html, "html")]
    found = [parts.text(text, kind) for text, kind in kinds if text] or [parts.text("", "plain")]
    if len(found) == 1:
        return found[0].fields, [(found[0].body, found[0].has_spaces)]
    # Nobody can write it into a text: the id is known only once the mail is made.
    boundary = f"=_{mark}"
    line = f"--{boundary}\r\n".encode()
    body: list[tuple[bytes, bool]] = []
    for part in found:
        body += [(line + part.header, False), (part.body, part.has_spaces)]
    body.append((f"--{boundary}--\r\n".encode(), False))
    return [("Content-Type", f'multipart/alternative; boundary="{boundary}"')], body
