"""Writing the e-mails that carry links, and what becomes of them."""

import json
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import sealing
from chassis.db import audit
from services.accounts.domain import letters as rules
from services.accounts.domain import secrets
from services.accounts.domain.letters import Kind, Letter, Reason, State, Waiting, Words
from services.accounts.domain.people import User
from services.accounts.storage import letters, links, users

# A link that ends sooner is replaced by another: its mail would come too late to be used.
_LEAST_LEFT = timedelta(minutes=5)


class Scribe:
    """Holds what seals words, and where links lead."""

    def __init__(self, encryption_key: bytes, public_url: str) -> None:
        self._encryption_key = encryption_key
        self._url = public_url.rstrip("/")

    async def write(self, session: AsyncSession, waiting: Waiting) -> Letter | None:
        """Returns what is to be sent, the same words until their link ends.

        None for what is not sent: it was settled, nobody is there to get it, it comes too late.
        """
        kept = await letters.lock(session, waiting.id, rules.PATIENCE[waiting.kind])
        if kept is None:
            return None
        user = await _reader(session, waiting)
        if user is None:
            # With the address that was typed, which nobody here has.
            await letters.drop(session, waiting.id)
            return None
        if kept.is_late:
            await letters.settle(session, waiting.id, State.SKIPPED, Reason.TOO_LATE)
            return None
        if kept.link_id and kept.sealed_words:
            link = await links.get(session, kept.link_id, _LEAST_LEFT)
            if link is not None:
                words = self._opened(waiting.id, bytes(kept.sealed_words))
                return Letter(link.id, user.id, words, link.expire_time)
        if waiting.kind is Kind.RESET and kept.link_id is None:
            await _record(session, "ask_password_reset", user.id)
        return await self._fresh(session, waiting, user)

    async def _fresh(self, session: AsyncSession, waiting: Waiting, user: User) -> Letter:
        link_id, secret = uuid_utils.compat.uuid7(), secrets.new()
        lasts = rules.LASTS[waiting.kind]
        digest = secrets.digest(secret)
        expire_time = await links.add(session, link_id, user.id, waiting.kind, digest, lasts)
        address = f"{self._url}/password/{secret}"
        words = rules.written(waiting.kind, address, user.display_name, user.email, user.locale)
        plain = json.dumps(asdict(words)).encode()
        sealed = sealing.seal(self._encryption_key, plain, _place(waiting.id))
        await letters.keep_words(session, waiting.id, link_id, sealed)
        return Letter(link_id, user.id, words, expire_time)

    def _opened(self, letter_id: UUID, sealed: bytes) -> Words:
        plain = sealing.unseal(self._encryption_key, sealed, _place(letter_id))
        return Words(**json.loads(plain))


async def invite(session: AsyncSession, user: User) -> None:
    """Has a link mailed to a user who has no password yet."""
    await letters.add(session, uuid_utils.compat.uuid7(), Kind.INVITATION, str(user.id))


async def ask_reset(session: AsyncSession, email_key: str) -> None:
    """Has a link mailed to the user of an address, if there is one.

    Who that is, is looked up by whoever writes the mail: here it would show in the time it takes.
    """
    await letters.add(session, uuid_utils.compat.uuid7(), Kind.RESET, email_key)


async def handed_over(
    session: AsyncSession, waiting: Waiting, letter: Letter, message_id: UUID
) -> None:
    """Notes that the notifier has a letter."""
    settled = await letters.settle(session, waiting.id, State.HANDED_OVER, message_id=message_id)
    if settled and waiting.kind is Kind.INVITATION:
        await _record(session, "invite", letter.user_id)


async def refused(
    session: AsyncSession, waiting: Waiting, letter: Letter | None, reason: str
) -> None:
    """Notes that a letter will never go; its link ends."""
    await letters.settle(session, waiting.id, State.FAILED, reason)
    if letter is not None:
        await links.end(session, letter.link_id)


async def _reader(session: AsyncSession, waiting: Waiting) -> User | None:
    if waiting.kind is Kind.RESET:
        user = await users.by_email(session, waiting.recipient)
    else:
        user = await users.get(session, UUID(waiting.recipient))
        if user is not None and not user.invited:
            return None
    return user if user is not None and user.active else None


async def _record(session: AsyncSession, action: str, user_id: UUID) -> None:
    await audit.record(
        session, action=f"user.{action}", subject_type="user", subject_id=str(user_id)
    )


def _place(letter_id: UUID) -> str:
    return f"password letter/{letter_id}"
