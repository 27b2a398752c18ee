"""What a customer takes along of how they sign in; whose it is says the caller's token alone."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from services.accounts.domain.logins import ContactLogin, ContactSession
from services.accounts.storage import contact_sessions, logins
from services.accounts.usecases import announce


async def export(
    session: AsyncSession, idle: timedelta
) -> tuple[ContactLogin | None, Sequence[ContactSession]]:
    """Returns the customer's login and the browsers signed in, and notes that they were taken.

    None and nothing once the contact has no login.
    """
    login = await logins.by_contact(session, context.require_contact())
    if login is None:
        return None, ()
    await announce.login_deed(session, "export_login", login)
    return login, await contact_sessions.every(session, login.id, idle)
