"""Keeps the attachments of the contents that are being sent as their mails have them."""

import asyncio
from collections.abc import Iterable

from chassis.db import Sessions
from services.notifier.channels import mime
from services.notifier.domain.work import Content, Enclosure
from services.notifier.storage import senders

_MOST_KEPT = 4
"""Each has up to seven megabytes."""


class Enclosures:
    """Attachments by the hash of their content, encoded once."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._kept: dict[str, Enclosure] = {}

    async def of(self, contents: Iterable[Content]) -> dict[str, Enclosure]:
        """Those of contents that have any; one whose bytes are not kept here is left out."""
        found: dict[str, Enclosure] = {}
        for content in contents:
            if not content.attachments:
                continue
            made = self._kept.pop(content.hash, None) or await self._made(content)
            if made is not None:
                # Last of the kept: the one used longest ago goes first.
                found[content.hash] = self._kept[content.hash] = made
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return found

    async def _made(self, content: Content) -> Enclosure | None:
        async with self._sessions.begin() as session:
            files = await senders.files(session, content)
        if any(it.hash not in files for it in content.attachments):
            return None
        return await asyncio.to_thread(mime.enclosure, content, files)
