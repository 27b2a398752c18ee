"""Messages to customers: invitations and codes."""

from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain import codes, secrets
from services.accounts.domain import contact_letters as texts
from services.accounts.domain import letters as rules
from services.accounts.domain.letters import Kind, Letter, Waiting, Words
from services.accounts.domain.logins import ContactLogin, Problem, State
from services.accounts.storage import contact_codes, invitations, letters, logins
from services.accounts.usecases import announce


class CustomerMail:
    """Invitations and codes, by the channel of each login."""

    queue, kin = letters.CUSTOMERS, "portal"

    def __init__(self, encryption_key: bytes, portal_url: str, organisation: str = "") -> None:
        self._encryption_key = encryption_key
        self._url = portal_url.rstrip("/")
        self._organisation = organisation

    async def reader(self, session: AsyncSession, waiting: Waiting) -> ContactLogin | None:
        """Returns whose address was typed, or who was invited."""
        if waiting.kind is Kind.CODE:
            login = await logins.by_address(session, codes.asker(waiting.recipient)[0])
        else:
            login = await logins.get(session, UUID(waiting.recipient))
            if login is not None and login.state is not State.INVITED:
                return None
        return login if login is not None and login.usable else None

    async def ends(self, session: AsyncSession, waiting: Waiting, link_id: UUID) -> datetime | None:
        """Returns when a link or code ends that can still be used."""
        left = rules.LEAST_LEFT[waiting.kind]
        if waiting.kind is Kind.CODE:
            return await contact_codes.ends(session, link_id, left)
        return await invitations.ends(session, link_id, left)

    async def compose(
        self, session: AsyncSession, waiting: Waiting, reader: ContactLogin, link_id: UUID
    ) -> tuple[Words, datetime]:
        """Makes a code or invitation, which ends those before."""
        lasts = rules.LASTS[waiting.kind]
        if waiting.kind is Kind.CODE:
            digits, (_, browser) = codes.new(), codes.asker(waiting.recipient)
            kept = codes.digest(self._encryption_key, reader.id, digits)
            ends = await contact_codes.put(session, reader.id, browser, link_id, kept, lasts)
            return texts.code(reader, digits, self._url, self._organisation), ends
        secret = secrets.new()
        await invitations.end_all(session, reader.id)
        ends = await invitations.add(session, link_id, reader.id, secrets.digest(secret), lasts)
        link = f"{self._url}/portal/welcome/{secret}"
        return texts.invitation(reader, link, self._organisation), ends

    async def begun(self, session: AsyncSession, waiting: Waiting, reader: ContactLogin) -> None:
        """Records that a code was asked for."""
        if waiting.kind is Kind.CODE:
            await announce.login_deed(session, "ask_code", reader)

    async def handed_over(self, session: AsyncSession, waiting: Waiting, reader_id: UUID) -> None:
        """Records an invitation."""
        login = await logins.get(session, reader_id) if waiting.kind is Kind.INVITATION else None
        if login is not None:
            await announce.login_deed(session, "invite_to_portal", login)

    async def lost(self, session: AsyncSession, waiting: Waiting, letter: Letter | None) -> None:
        """Ends the code or invitation; staff see of an invitation that it did not go."""
        if waiting.kind is Kind.CODE:
            if letter is not None:
                await contact_codes.end_one(session, letter.link_id)
            return
        if letter is not None:
            await invitations.end(session, letter.link_id)
        login = await logins.get(session, UUID(waiting.recipient), lock=True)
        if login is not None and login.usable and login.problem is Problem.NONE:
            await logins.change(session, login.id, {"problem": Problem.NOT_SENT})


async def invite(session: AsyncSession, login: ContactLogin) -> None:
    """Has an invitation sent to a customer."""
    letter_id = uuid_utils.compat.uuid7()
    await letters.CUSTOMERS.add(session, letter_id, Kind.INVITATION, str(login.id))


async def ask_code(session: AsyncSession, address_key: str, browser_hash: bytes) -> None:
    """Has a code sent to the customer of an address, if there is one, looked up by the writer.

    It works in the browser that asked.
    """
    asked = codes.asked(address_key, browser_hash)
    await letters.CUSTOMERS.add(session, uuid_utils.compat.uuid7(), Kind.CODE, asked)
