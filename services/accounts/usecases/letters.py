"""Writing the messages that carry links, codes and news, and what becomes of them."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import sealing
from chassis.db import audit
from services.accounts.domain import letters as rules
from services.accounts.domain import notices, secrets
from services.accounts.domain.letters import Kind, Letter, Reason, State, Waiting, Words
from services.accounts.domain.logins import Channel
from services.accounts.domain.people import User
from services.accounts.storage import letters, links, users


class Reader(Protocol):
    """Somebody who gets a message."""

    @property
    def id(self) -> UUID:
        """Of the user or login."""


R = TypeVar("R", bound=Reader)


class Correspondence(Protocol[R]):
    """Whom messages of one table go to, and what they carry."""

    queue: letters.Letters
    kin: str
    """Begins the names of its messages and says what seals their words."""

    async def reader(self, session: AsyncSession, waiting: Waiting) -> R | None:
        """Returns who gets one now, None when there is nobody."""

    async def ends(self, session: AsyncSession, waiting: Waiting, link_id: UUID) -> datetime | None:
        """Returns when a link or code ends; None for one that is of no use to send any more."""

    async def compose(
        self, session: AsyncSession, waiting: Waiting, reader: R, link_id: UUID
    ) -> tuple[Words, datetime]:
        """Makes the link or code; returns the message and when what it carries ends."""

    async def begun(self, session: AsyncSession, waiting: Waiting, reader: R) -> None:
        """Notes that one is written for the first time."""

    async def handed_over(self, session: AsyncSession, waiting: Waiting, reader_id: UUID) -> None:
        """Notes that the notifier has one."""

    async def lost(self, session: AsyncSession, waiting: Waiting, letter: Letter | None) -> None:
        """Ends what a message carried that will never go."""


class Scribe:
    """Writes the messages of one correspondence; their words are kept sealed until they went."""

    def __init__(self, encryption_key: bytes, correspondence: Correspondence[Any]) -> None:
        self._encryption_key = encryption_key
        self._with = correspondence
        self.queue, self.kin = correspondence.queue, correspondence.kin

    async def write(self, session: AsyncSession, waiting: Waiting) -> Letter | None:
        """Returns what is to be sent, the same words until their link or code ends.

        None for what is not sent: it was settled, nobody is there to get it, it comes too late.
        """
        kept = await self.queue.lock(session, waiting.id, rules.PATIENCE[waiting.kind])
        if kept is None:
            return None
        reader = await self._with.reader(session, waiting)
        if reader is None:
            # With the address that was typed, which nobody here has.
            await self.queue.drop(session, waiting.id)
            return None
        if kept.is_late:
            await self.queue.settle(session, waiting.id, State.SKIPPED, Reason.TOO_LATE)
            await self._with.lost(session, waiting, None)
            return None
        if kept.link_id and kept.sealed_words:
            ends = await self._with.ends(session, waiting, kept.link_id)
            if ends is not None:
                words = self._opened(waiting.id, bytes(kept.sealed_words))
                return Letter(kept.link_id, reader.id, words, ends, self._with.kin)
        if kept.link_id is None:
            await self._with.begun(session, waiting, reader)
        link_id = uuid_utils.compat.uuid7()
        words, ends = await self._with.compose(session, waiting, reader, link_id)
        sealed = sealing.seal(self._encryption_key, _packed(words), self._place(waiting.id))
        await self.queue.keep_words(session, waiting.id, link_id, sealed)
        return Letter(link_id, reader.id, words, ends, self._with.kin)

    async def handed_over(
        self, session: AsyncSession, waiting: Waiting, letter: Letter, message_id: UUID
    ) -> None:
        """Notes that the notifier has a letter."""
        done = State.HANDED_OVER
        if await self.queue.settle(session, waiting.id, done, message_id=message_id):
            await self._with.handed_over(session, waiting, letter.reader_id)

    async def refused(
        self, session: AsyncSession, waiting: Waiting, letter: Letter | None, reason: str
    ) -> None:
        """Notes that a letter will never go; what it carried ends."""
        await self.queue.settle(session, waiting.id, State.FAILED, reason)
        await self._with.lost(session, waiting, letter)

    def _opened(self, letter_id: UUID, sealed: bytes) -> Words:
        told = json.loads(sealing.unseal(self._encryption_key, sealed, self._place(letter_id)))
        return Words(**{**told, "channel": Channel(told.get("channel", Channel.EMAIL))})

    def _place(self, letter_id: UUID) -> str:
        return f"{self._with.kin} letter/{letter_id}"


class StaffMail:
    """Mails to colleagues: links to choose a password, and what was changed of signing in."""

    queue, kin = letters.STAFF, "password"

    def __init__(self, public_url: str) -> None:
        self._url = public_url.rstrip("/")

    async def reader(self, session: AsyncSession, waiting: Waiting) -> User | None:
        """Returns whose address was typed, who was invited and has no password yet, or is told."""
        if waiting.kind is Kind.RESET:
            user = await users.by_email(session, waiting.recipient)
        else:
            user = await users.get(session, waiting.reader_id)
            if user is not None and waiting.kind is Kind.INVITATION and not user.invited:
                return None
        return user if user is not None and user.active else None

    async def ends(self, session: AsyncSession, waiting: Waiting, link_id: UUID) -> datetime | None:
        """Returns when a link ends that can still be used; for a notice when it is given up."""
        if waiting.kind in rules.NOTICES:
            return waiting.given_up
        link = await links.get(session, link_id, rules.LEAST_LEFT[waiting.kind])
        return link.expire_time if link else None

    async def compose(
        self, session: AsyncSession, waiting: Waiting, reader: User, link_id: UUID
    ) -> tuple[Words, datetime]:
        """Makes a link, but for a notice, which leads to where everybody finds their account."""
        if waiting.kind in rules.NOTICES:
            page = f"{self._url}/account/security"
            return notices.written(
                waiting.kind, reader, waiting.create_time, page
            ), waiting.given_up
        kind, secret = waiting.kind, secrets.new()
        digest, lasts = secrets.digest(secret), rules.LASTS[kind]
        ends = await links.add(session, link_id, reader.id, kind, digest, lasts)
        target = f"{self._url}/password/{secret}"
        words = rules.written(kind, target, reader.display_name, reader.email, reader.locale)
        return words, ends

    async def begun(self, session: AsyncSession, waiting: Waiting, reader: User) -> None:
        """Records that a link was asked for."""
        if waiting.kind is Kind.RESET:
            await _record(session, "ask_password_reset", reader.id)

    async def handed_over(self, session: AsyncSession, waiting: Waiting, reader_id: UUID) -> None:
        """Records an invitation."""
        if waiting.kind is Kind.INVITATION:
            await _record(session, "invite", reader_id)

    async def lost(self, session: AsyncSession, waiting: Waiting, letter: Letter | None) -> None:
        """Ends the link."""
        if letter is not None:
            await links.end(session, letter.link_id)


async def invite(session: AsyncSession, user: User) -> None:
    """Has a link mailed to a user who has no password yet."""
    letter_id = uuid_utils.compat.uuid7()
    await letters.STAFF.add(session, letter_id, Kind.INVITATION, str(user.id))


async def ask_reset(session: AsyncSession, email_key: str) -> None:
    """Has a link mailed to the user of an address, if there is one.

    Who that is, is looked up by whoever writes the mail: here it would show in the time it takes.
    """
    await letters.STAFF.add(session, uuid_utils.compat.uuid7(), Kind.RESET, email_key)


async def notify(session: AsyncSession, user_id: UUID, kind: Kind) -> None:
    """Has a user told by mail of a change, of each in a mail of its own."""
    letter_id = uuid_utils.compat.uuid7()
    await letters.STAFF.add(session, letter_id, kind, f"{user_id}/{letter_id}")


def _packed(words: Words) -> bytes:
    told = asdict(words)
    if words.channel is Channel.EMAIL:
        del told["channel"]  # as the release before writes and reads it
    return json.dumps(told).encode()


async def _record(session: AsyncSession, action: str, user_id: UUID) -> None:
    await audit.record(
        session, action=f"user.{action}", subject_type="user", subject_id=str(user_id)
    )
