"""What a template is, and which ones are refused before they are even parsed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chassis.attachments import Attachment
from chassis.errors import FieldViolation
from services.campaigns.domain.kinds import Channel, Markup
from services.campaigns.domain.rendering import CONTACT_VARIABLES, Source

MAX_NAME = 120
MAX_SUBJECT = 500
MAX_HTML_BYTES = 256 * 1024
MAX_SMS = 2_000

# What a field may come to for the person with the largest values, in characters.
_RENDERED_EMAIL = {"subject": 2_000, "html": 1024 * 1024, "text": 512 * 1024}
_RENDERED_SMS = {"text": 6_000}


@dataclass(frozen=True)
class Draft:
    """A template as somebody writes it."""

    name: str
    channel: Channel
    subject: str = ""
    html: str = ""
    text: str = ""
    markup: Markup = Markup.HTML
    attachments: tuple[Attachment, ...] = ()

    def source(self) -> Source:
        """Return what is to be compiled and rendered: the fields of the channel."""
        if self.channel is Channel.SMS:
            return Source({"text": self.text}, _RENDERED_SMS)
        fields = {"subject": self.subject, "html": self.html, "text": self.text}
        return Source(fields, _RENDERED_EMAIL, self.markup)


@dataclass(frozen=True)
class Template:
    """A stored template; `variables` are sorted names."""

    id: UUID
    revision: int
    draft: Draft
    variables: tuple[str, ...]
    content_hash: str
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True)
class Content:
    """What a notifier renders; never changes under its hash (SHA-256 in hexadecimal)."""

    hash: str
    channel: Channel
    subject: str
    html: str
    text: str
    variables: tuple[str, ...]
    attachments: tuple[Attachment, ...] = ()

    @property
    def contact_variables(self) -> tuple[str, ...]:
        """The variables whose values travel with each recipient, in the order they do."""
        return tuple(name for name in CONTACT_VARIABLES if name in self.variables)


@dataclass(frozen=True)
class Admitted:
    """A draft that may be sent: its fields as they were compiled, and the names they use."""

    draft: Draft
    fields: Mapping[str, str]
    variables: Sequence[str]


def content(admitted: Admitted) -> Content:
    """Return the immutable content of an admitted draft."""
    channel = admitted.draft.channel
    fields = {"subject": "", "html": "", **admitted.fields}
    made = Content(
        hash="",
        channel=channel,
        subject=fields["subject"],
        html=fields["html"],
        text=fields["text"],
        variables=tuple(sorted(admitted.variables)),
    )
    return with_attachments(made, admitted.draft.attachments)


def with_attachments(stored: Content, attachments: tuple[Attachment, ...]) -> Content:
    """Return the content with these files instead of its own, under its own hash."""
    parts: list[object] = [stored.channel, stored.subject, stored.html, stored.text]
    if attachments:
        parts.append([[it.name, it.media_type, it.hash] for it in attachments])
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return replace(stored, hash=digest, attachments=attachments)


def source(stored: Content) -> Source:
    """Return what is rendered of a content."""
    draft = Draft("", stored.channel, stored.subject, stored.html, stored.text)
    return replace(draft.source(), markup=None)


def changed(stored: Draft, given: Draft, paths: Sequence[str]) -> Draft:
    """Return the draft with the named fields taken from `given`."""
    return replace(stored, **{path: getattr(given, path) for path in paths})


def violations(draft: Draft) -> list[FieldViolation]:
    """Return every field that is missing, too long or of the other channel."""
    found = _name(draft.name)
    if draft.channel is Channel.SMS:
        found += _only_text(draft)
    else:
        found += _mail(draft)
    return [FieldViolation(f"template.{field}", why) for field, why in found]


def _name(name: str) -> list[tuple[str, str]]:
    if not name.strip():
        return [("name", "is required")]
    return [("name", f"is longer than {MAX_NAME} characters")] if len(name) > MAX_NAME else []


def _only_text(draft: Draft) -> list[tuple[str, str]]:
    found = [
        (field, "an SMS has only a text")
        for field, value in (("subject", draft.subject), ("html", draft.html))
        if value
    ]
    if not draft.text.strip():
        found.append(("text", "is required for an SMS"))
    elif len(draft.text) > MAX_SMS:
        found.append(("text", f"is longer than {MAX_SMS} characters"))
    return found


def _mail(draft: Draft) -> list[tuple[str, str]]:
    found = []
    if not draft.subject.strip():
        found.append(("subject", "is required for an e-mail"))
    elif len(draft.subject) > MAX_SUBJECT:
        found.append(("subject", f"is longer than {MAX_SUBJECT} characters"))
    if not draft.html.strip():
        found.append(("html", "is required for an e-mail"))
    for field, value in (("html", draft.html), ("text", draft.text)):
        if len(value.encode(errors="replace")) > MAX_HTML_BYTES:
            found.append((field, "is larger than 256 KiB"))
    return found
