"""Renders claimed messages for the wire; one that cannot be made fails alone."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import NamedTuple

import structlog

from services.notifier import stages
from services.notifier.channels import mime
from services.notifier.config import Settings
from services.notifier.domain import sms, throttling, tokens
from services.notifier.domain.rendering import RenderFailed, Texts
from services.notifier.domain.states import Channel, Next, Purpose, Reason, State
from services.notifier.domain.work import (
    Claimed,
    Prepared,
)
from services.notifier.usecases.claiming import Batch
from services.notifier.workers.benches import Bench, Benches
from services.notifier.workers.enclosing import Enclosures

_SLICE = 25
_NO_TEXTS = ("", "", "")
_MOST_KEPT = 200
# An RSA signature takes so long that the loop must not make any; OpenSSL lets go of the GIL.
_SIGNING_THREADS = 2

log = structlog.get_logger(__name__)


class _Unsigned(NamedTuple):
    """A message whose mail takes long to sign."""

    prepared: Prepared
    composer: mime.Composer
    draft: mime.Draft


@dataclass
class Made:
    """What can go, what still has to be signed, and what cannot go now or ever, and why."""

    ready: list[Prepared] = field(default_factory=list)
    unsigned: list[_Unsigned] = field(default_factory=list)
    failed: list[tuple[Claimed, Next]] = field(default_factory=list)


class _Rendered(NamedTuple):
    """A message with its texts or its form, before it becomes a mail or the parts of an SMS."""

    message: Claimed
    bench: Bench
    token: str
    texts: Texts
    form: mime.Form | None


class Workshop:
    """Keeps parsed contents and mail skeletons from one batch to the next."""

    def __init__(
        self,
        settings: Settings,
        enclosures: Enclosures,
        crowd: Callable[[str], throttling.Crowd | None],
    ) -> None:
        """`crowd` knows how full it is at a domain."""
        self._settings = settings
        self._enclosures = enclosures
        self._was_slow = False  # the newest batch was signed by RSA or had attachments to digest
        self._secret = settings.mac_key.get_secret_value().encode()
        self._benches = Benches(settings)
        self.domains = throttling.Domains(
            throttling.limits(settings.email_domain_limits),
            throttling.at_once(settings.email_domain_at_once),
            crowd,
        )
        self._signing = ThreadPoolExecutor(_SIGNING_THREADS, "sign")

    @property
    def is_slow(self) -> bool:
        """Whether mails take much longer than rendering them."""
        return self._was_slow

    async def renew_keys(self) -> None:
        """Has mails signed with the keys that lie in their folder now; asked often."""
        await self._benches.renew_keys()

    async def prepare(self, batch: Batch, stale_at: float, closes_at: float = math.inf) -> Made:
        """Renders a batch in slices, so that answers are read in between."""
        made = Made()
        enclosures = await self._enclosures.of((batch.contents or {}).values())
        batch = replace(batch, enclosures=enclosures)
        until = (stale_at, closes_at)
        date = format_datetime(datetime.now(UTC))
        benches: dict[int, Bench | Reason] = {}
        for at in range(0, len(batch.messages), _SLICE):
            if at:
                await asyncio.sleep(0)
            with stages.spent("render"):
                rendered = [
                    text
                    for message in batch.messages[at : at + _SLICE]
                    if (text := self._render(message, benches, batch, made)) is not None
                ]
            with stages.spent("mime"):
                for it in rendered:
                    self._compose(it, batch, date, until, made)
        self._was_slow = bool(enclosures or made.unsigned)
        await self._sign(made)
        return made

    def _render(
        self,
        message: Claimed,
        benches: dict[int, Bench | Reason],
        batch: Batch,
        made: Made,
    ) -> "_Rendered | None":
        """The message's texts, or None if they cannot be made."""
        kind = message.kind
        bench = benches.get(id(kind))
        if bench is None:
            bench = benches[id(kind)] = self._benches.of(kind, batch)
        if isinstance(bench, Reason):
            made.failed.append((message, Next(State.FAILED, bench)))
            return None
        if (later := self._put_off(message)) is not None:
            made.failed.append((message, later))
            return None
        token = self._token(message)
        if bench.forms is not None and (form := bench.forms.of(message.values)) is not None:
            return _Rendered(message, bench, token, _NO_TEXTS, form)
        try:
            return _Rendered(message, bench, token, bench.text(message, self._url(token)), None)
        except RenderFailed:
            made.failed.append((message, Next(State.FAILED, Reason.RENDER_FAILED)))
        return None

    def _put_off(self, message: Claimed) -> Next | None:
        """Until when a mail has to wait for its domain; None when it may go now."""
        kind = message.kind
        if kind.channel is not Channel.EMAIL:
            return None
        chance = random.random()  # noqa: S311 (spreads the load)
        seconds = self.domains.put_off(
            message.address_key, time.monotonic(), chance, urgent=kind.urgent
        )
        if not seconds:
            return None
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        return Next(State.DEFERRED, Reason.THROTTLED, until)

    async def _sign(self, made: Made) -> None:
        """Finishes in threads what takes long to sign."""

        def finish(drafts: Sequence[_Unsigned]) -> tuple[list[bytes], float]:
            began = time.thread_time()
            finished = [it.composer.finish(it.draft) for it in drafts]
            return finished, time.thread_time() - began

        slices = [made.unsigned[at : at + _SLICE] for at in range(0, len(made.unsigned), _SLICE)]
        loop = asyncio.get_running_loop()
        signing = [loop.run_in_executor(self._signing, finish, some) for some in slices]
        signed = await asyncio.gather(*signing)
        stages.add("sign", sum(seconds for _, seconds in signed))
        mails = [mail for some, _ in signed for mail in some]
        for unsigned, mail in zip(made.unsigned, mails, strict=True):
            made.ready.append(unsigned.prepared._replace(payload=mail))

    def _compose(
        self,
        rendered: "_Rendered",
        batch: Batch,
        date: str,
        until: tuple[float, float],
        made: Made,
    ) -> None:
        """Makes of a message's texts what goes over the wire."""
        message, bench, token, texts, form = rendered
        coding, joined, payload, draft = 0, False, b"", None
        parts: tuple[bytes, ...] = ()
        tail = b""
        envelope = bench.sender.address
        if bench.composer is not None:
            envelope = tokens.return_path(message.key, self._settings.mail_domain, self._secret)
            if form is not None:
                id = str(message.key.message_id)
                draft = form.fill(id, message.address, message.values, token, date)
            else:
                mail = mime.Mail(message.key, message.address, *texts, self._url(token), date)
                draft = bench.composer.draft(mail, bench.enclosure)
            tail = draft.tail
            if not bench.composer.signs:
                payload, draft = bench.composer.finish(draft), None
            elif not (bench.composer.is_slow or tail):
                with stages.spent("sign"):
                    payload, draft = bench.composer.finish(draft), None
        else:
            try:
                encoded = sms.encode(texts[2], message.key.message_id.bytes[15])
            except sms.TooLong:
                made.failed.append((message, Next(State.FAILED, Reason.TOO_LONG)))
                return
            coding, joined, parts = encoded.data_coding, encoded.joined, encoded.parts
        # By place, since names cost as much again as the rest.
        prepared = Prepared(
            message,
            envelope,
            payload,
            parts,
            coding,
            joined,
            batch.version,
            batch.run.epoch if batch.run else 0,
            *until,
            tail,
        )
        if bench.composer is not None and draft is not None:
            made.unsigned.append(_Unsigned(prepared, bench.composer, draft))
        else:
            made.ready.append(prepared)

    def _token(self, message: Claimed) -> str:
        """What the link ends with that stops such messages; empty where nobody can refuse."""
        kind = message.kind
        if kind.purpose is Purpose.TRANSACTIONAL:
            return ""
        link = tokens.Link(message.key, kind.channel, kind.purpose, kind.advertiser_id)
        return tokens.link_token(link, self._secret)

    def _url(self, token: str) -> str:
        return self._benches.links + token if token else ""
