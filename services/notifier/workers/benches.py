"""What the messages of one kind are made with, kept from one batch to the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from services.notifier.channels import dkim, mime
from services.notifier.config import Settings
from services.notifier.domain import outlines
from services.notifier.domain.rendering import Renderer, RenderFailed, Texts
from services.notifier.domain.states import Channel, Purpose, Reason
from services.notifier.domain.texts import Legal
from services.notifier.domain.work import NOBODY, Claimed, Content, Enclosure, Kind, Sender
from services.notifier.usecases import rulebook
from services.notifier.usecases.claiming import Batch
from services.notifier.workers.keyring import Keyring

_MOST_KEPT = 200

log = structlog.get_logger(__name__)


class Forms:
    """The forms of one content and sender, one for each set of values that are there."""

    def __init__(self, make: Callable[[Sequence[bool]], mime.Form | None]) -> None:
        self._make = make
        self._made: dict[tuple[bool, ...], mime.Form | None] = {}

    def of(self, values: Sequence[str]) -> mime.Form | None:
        """The form for somebody with these values; None if each mail is made by itself."""
        there = tuple(map(bool, values))
        if there not in self._made:
            _make_room(self._made)
            self._made[there] = self._make(there)
        return self._made[there]


@dataclass(frozen=True)
class Bench:
    """What the messages of one kind are made with; `text` makes subject, HTML and text of one."""

    sender: Sender
    text: Callable[[Claimed, str], Texts]
    composer: mime.Composer | None
    enclosure: Enclosure | None
    forms: Forms | None


class Benches:
    """Keeps parsed contents, mail skeletons and forms."""

    def __init__(self, settings: Settings) -> None:
        self.links = settings.unsubscribe_base
        self._keyring = Keyring(settings.dkim_folder)
        self._settings = settings
        self._rules = rulebook.load(settings.rules_file)
        self._renderers: dict[str, Renderer] = {}
        self._composers: dict[tuple[Sender, Purpose, UUID | None], mime.Composer] = {}
        self._forms: dict[tuple[Sender, Kind, Sequence[str]], Forms] = {}

    async def renew_keys(self) -> None:
        """Has mails signed with the keys that lie in their folder now."""
        if await self._keyring.renew():
            self._composers.clear()
            self._forms.clear()

    def of(self, kind: Kind, batch: Batch) -> Bench | Reason:
        """What the messages of a kind in a batch are made with, or why none can be made."""
        sender = (batch.senders or {})[kind.sender_identity_id or NOBODY]
        content = (batch.contents or {}).get(kind.content_hash)
        enclosure = batch.enclosures.get(kind.content_hash)
        if content is None or (content.attachments and enclosure is None):
            return Reason.CONTENT_MISSING
        names = batch.run.variables if batch.run else ()
        legal = Legal(self._rules, kind.channel, kind.purpose, sender)
        composer = self._composer(sender, kind) if kind.channel is Channel.EMAIL else None
        if kind.run_id is None:
            # What a caller of SendMessage wrote is the message itself, not a template.
            written = content.subject, content.html, content.body
            return Bench(
                sender, lambda _message, url: legal(written, url), composer, enclosure, None
            )
        try:
            renderer = self._renderer(content)
        except RenderFailed:
            return Reason.RENDER_FAILED
        text = _texts(renderer, legal, sender, names)
        forms = None
        if composer is not None:
            key = (sender, kind, names)
            if key not in self._forms:
                _make_room(self._forms)
                make = self._maker(renderer, legal, composer, (sender, kind, names, enclosure))
                self._forms[key] = Forms(make)
            forms = self._forms[key]
        return Bench(sender, text, composer, enclosure, forms)

    def _maker(
        self,
        renderer: Renderer,
        legal: Legal,
        composer: mime.Composer,
        given: tuple[Sender, Kind, Sequence[str], Enclosure | None],
    ) -> Callable[[Sequence[bool]], mime.Form | None]:
        sender, kind, names, enclosure = given
        links = "" if kind.purpose is Purpose.TRANSACTIONAL else self.links
        link = outlines.mark(mime.LINK) if links else ""

        def make(there: Sequence[bool]) -> mime.Form | None:
            known = [name for name, is_there in zip(names, there, strict=False) if is_there]
            try:
                outline = renderer.outline([*known, mime.LINK] if links else known, _always(sender))
            except RenderFailed:
                return None  # each fails by itself, and says why
            if outline is None:
                return None
            subject, html, text = outline
            _, html, text = legal(("", html, text), link)
            blank = mime.Blank(subject, html, text, names, links, legal.labelled, enclosure)
            return mime.Form(composer, blank)

        return make

    def _renderer(self, content: Content) -> Renderer:
        if content.hash not in self._renderers:
            _make_room(self._renderers)
            self._renderers[content.hash] = Renderer(content)
        return self._renderers[content.hash]

    def _composer(self, sender: Sender, kind: Kind) -> mime.Composer:
        key = (sender, kind.purpose, kind.run_id)
        if key not in self._composers:
            _make_room(self._composers)
            self._composers[key] = mime.Composer(
                sender,
                kind.purpose,
                domain=self._settings.mail_domain,
                stream=str(kind.run_id) if kind.run_id else "transactional",
                sign=self._signer(sender.address),
            )
        return self._composers[key]

    def _signer(self, address: str) -> dkim.Signer | None:
        keys = self._keyring.keys
        signer = keys.signer(address)
        if signer is None and keys:
            log.warning("no_dkim_key", domain=address.rpartition("@")[2])
        return signer


def _texts(
    renderer: Renderer, legal: Legal, sender: Sender, names: Sequence[str]
) -> Callable[[Claimed, str], Texts]:
    always = _always(sender)

    def render(message: Claimed, url: str) -> Texts:
        values = dict(zip(names, message.values, strict=False))
        return legal(renderer.render({**values, **always, mime.LINK: url}), url)

    return render


def _always(sender: Sender) -> dict[str, str]:
    """The values that all messages of a sender have."""
    return {
        "advertiser_name": sender.advertiser_name,
        "advertiser_address": sender.postal_address,
    }


def _make_room(kept: dict) -> None:  # type: ignore[type-arg]
    while len(kept) >= _MOST_KEPT:
        del kept[next(iter(kept))]
