"""Renders claimed messages for the wire; one that cannot be made fails alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import UUID

from services.notifier.channels import mime
from services.notifier.config import Settings
from services.notifier.domain import gates, sms, tokens
from services.notifier.domain.rendering import Renderer, RenderFailed
from services.notifier.domain.states import Channel, Next, Purpose, Reason, State
from services.notifier.domain.work import NOBODY, Claimed, Content, Prepared, Sender
from services.notifier.usecases.claiming import Batch

_SLICE = 20
_MOST_KEPT = 200


@dataclass
class Made:
    """What can go, and what failed and why."""

    ready: list[Prepared] = field(default_factory=list)
    failed: list[tuple[Claimed, Next]] = field(default_factory=list)


class Workshop:
    """Keeps parsed contents and mail skeletons from one batch to the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret = settings.mac_key.get_secret_value().encode()
        self._renderers: dict[str, Renderer] = {}
        self._composers: dict[tuple[Sender, Purpose, UUID | None], mime.Composer] = {}

    async def prepare(self, batch: Batch, stale_at: float) -> Made:
        """Renders a batch in slices, so that answers are read in between."""
        made = Made()
        date = format_datetime(datetime.now(UTC))
        for number, message in enumerate(batch.messages):
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
            try:
                made.ready.append(self._prepare(message, batch, date, stale_at))
            except RenderFailed:
                made.failed.append((message, Next(State.FAILED, Reason.RENDER_FAILED)))
            except sms.TooLong:
                made.failed.append((message, Next(State.FAILED, Reason.TOO_LONG)))
            except _NoContent:
                made.failed.append((message, Next(State.FAILED, Reason.CONTENT_MISSING)))
        return made

    def _prepare(self, message: Claimed, batch: Batch, date: str, stale_at: float) -> Prepared:
        sender = (batch.senders or {})[message.kind.sender_identity_id or NOBODY]
        content = (batch.contents or {}).get(message.kind.content_hash)
        if content is None:
            raise _NoContent
        url = self._unsubscribe_url(message)
        subject, html, text = self._texts(message, content, batch, sender, url)
        coding, joined, payload = 0, False, b""
        parts: tuple[bytes, ...] = ()
        envelope = sender.address
        if message.channel is Channel.EMAIL:
            envelope = tokens.return_path(message.key, self._settings.mail_domain, self._secret)
            mail = mime.Mail(message.key, message.address, subject, html, text, url, date)
            payload = self._composer(sender, message).compose(mail)
        else:
            encoded = sms.encode(
                gates.label(text, message.purpose), message.key.message_id.bytes[15]
            )
            coding, joined, parts = encoded.data_coding, encoded.joined, encoded.parts
        return Prepared(
            claimed=message,
            sender=envelope,
            payload=payload,
            parts=parts,
            data_coding=coding,
            joined=joined,
            suppression_version=batch.version,
            epoch=batch.run.epoch if batch.run else 0,
            stale_at=stale_at,
        )

    def _texts(
        self, message: Claimed, content: Content, batch: Batch, sender: Sender, url: str
    ) -> tuple[str, str, str]:
        if message.run_id is None:
            # What a caller of SendMessage wrote is the message itself, not a template.
            return gates.label(content.subject, message.purpose), content.html, content.body
        names: Sequence[str] = batch.run.variables if batch.run else ()
        values = {
            **dict(zip(names, message.values, strict=False)),
            "unsubscribe_url": url,
            "advertiser_name": sender.advertiser_name,
            "advertiser_address": sender.postal_address,
        }
        subject, html, text = self._renderer(content).render(values)
        return gates.label(subject, message.purpose), html, text

    def _unsubscribe_url(self, message: Claimed) -> str:
        if message.purpose is Purpose.TRANSACTIONAL:
            return ""
        link = tokens.Link(message.key, message.channel, message.purpose, message.advertiser_id)
        token = tokens.link_token(link, self._secret)
        return f"{self._settings.public_url.rstrip('/')}/u/{token}"

    def _renderer(self, content: Content) -> Renderer:
        if content.hash not in self._renderers:
            _make_room(self._renderers)
            self._renderers[content.hash] = Renderer(content)
        return self._renderers[content.hash]

    def _composer(self, sender: Sender, message: Claimed) -> mime.Composer:
        key = (sender, message.purpose, message.run_id)
        if key not in self._composers:
            _make_room(self._composers)
            self._composers[key] = mime.Composer(
                sender,
                message.purpose,
                domain=self._settings.mail_domain,
                stream=str(message.run_id) if message.run_id else "transactional",
            )
        return self._composers[key]


class _NoContent(Exception):
    """The content of a message is not kept here."""


def _make_room(kept: dict) -> None:  # type: ignore[type-arg]
    while len(kept) >= _MOST_KEPT:
        del kept[next(iter(kept))]
