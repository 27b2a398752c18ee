"""Customers sign in by code, password or invitation, choose a password, and sign out."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from services.accounts.domain import codes, fields, lockout, reachable, secrets
from services.accounts.domain.lockout import Realm
from services.accounts.domain.logins import ContactLogin, ContactSession, Invitation, Proof, State
from services.accounts.domain.people import ALL_SERVICES
from services.accounts.storage import contact_codes, contact_sessions, invitations, logins
from services.accounts.usecases import announce, attempts, contact_letters
from services.accounts.usecases.attempts import Attempt
from services.accounts.usecases.found import existing
from services.accounts.usecases.logins import Senders, account, end_others
from services.accounts.usecases.signin import Limits
from services.accounts.usecases.tokens import Issuer, Token

_NOBODY = UUID(int=0)
_SHOWN_AGENT, _SHOWN_IP = 200, 64


@dataclass(frozen=True)
class Browser:
    """Where somebody signs in from; `secret_hash` is the same where a code was asked for."""

    ip: str
    user_agent: str
    secret_hash: bytes = b""


@dataclass(frozen=True)
class Welcome:
    """A new session with its secret."""

    session: ContactSession
    secret: str
    login: ContactLogin


async def ask_code(session: AsyncSession, senders: Senders, address: str, browser: Browser) -> None:
    """Has a code sent to the customer of an address, if there is one, for this browser alone.

    Raises `ResourceExhausted` for an address, somebody's or not, that asks too often.
    """
    key = reachable.key(address)
    await attempts.count_request(
        session, lockout.CODES, senders.per_minute, account(key), browser.ip
    )
    await contact_letters.ask_code(session, key, browser.secret_hash)


async def admit(
    session: AsyncSession, limits: Limits, address: str, ip: str
) -> tuple[ContactLogin | None, Attempt]:
    """Counts an attempt with a password; returns the login of the address, None when unusable.

    Raises `ResourceExhausted` when account, network address or all customers must wait.
    """
    key = reachable.key(address)
    per_minute = limits.failures_per_minute
    attempt = await attempts.count(session, per_minute, account(key), ip, Realm.CUSTOMERS)
    found = await logins.by_address(session, key)
    return found if found is not None and found.usable else None, attempt


async def by_code(
    session: AsyncSession, limits: Limits, key: bytes, address: str, code: str, browser: Browser
) -> Welcome | None:
    """Signs a customer in with a code, which ends; None for one that is not right.

    The try is counted in the same transaction as what comes of it, so that an address that nobody
    has takes as many commits as any other. It counts for the code, which was sent for this
    browser, and for the network address, but not for the account: else whoever guesses codes
    would lock out who has a password. Raises `ResourceExhausted` when the network address or all
    customers must wait.
    """
    # First of all, as everybody locks it who also locks codes or invitations.
    address_key = reachable.key(address)
    login = await logins.by_address(session, address_key, lock=True)
    login = login if login is not None and login.usable else None
    attempt = await attempts.count(
        session,
        limits.failures_per_minute,
        None,
        browser.ip,
        Realm.CUSTOMERS,
        known_as=account(address_key),
    )
    login_id = login.id if login else _NOBODY
    kept = await contact_codes.count_try(session, login_id, browser.secret_hash, codes.TRIES)
    given = codes.digest(key, login_id, codes.typed(code))
    if not hmac.compare_digest(given, kept or b"") or login is None:
        await refuse(session, login)
        return None
    return await welcome(session, limits, login, Proof.CODE, browser, attempt)


async def by_password(
    session: AsyncSession,
    limits: Limits,
    proved: ContactLogin,
    newer_hash: str,
    browser: Browser,
    attempt: Attempt,
) -> Welcome | None:
    """Signs a customer in whose password was right for the login as it was then.

    None when another was chosen, or the login moved or ended, while passwords were compared.
    Stores a newer hash of the same password, unless it is empty.
    """
    now = await logins.get(session, proved.id, lock=True)
    if now is None or not proved.is_still(now):
        await refuse(session, proved)
        return None
    if newer_hash:
        await logins.set_password_hash(session, now.id, newer_hash)
    return await welcome(session, limits, now, Proof.PASSWORD, browser, attempt)


async def refuse(session: AsyncSession, login: ContactLogin | None) -> None:
    """Notes that somebody failed to prove that they are a customer.

    As much is written where there is none, or the time it takes would tell.
    """
    await announce.login_deed(session, "sign_in_refused", login)


async def welcome(
    session: AsyncSession,
    limits: Limits,
    before: ContactLogin,
    proof: Proof,
    browser: Browser,
    attempt: Attempt | None = None,
) -> Welcome:
    """Makes the session of a customer who proved to be one, whose usable login is locked.

    What else could have signed them in ends, and what failed before is forgiven.
    """
    if attempt is not None:
        await attempts.forgive_account(session, attempt)
    secret = secrets.new()
    made = await contact_sessions.add(
        session,
        {
            "id": uuid_utils.compat.uuid7(),
            "login_id": before.id,
            "secret_hash": secrets.digest(secret),
            "proof": proof,
            "user_agent": fields.clean(browser.user_agent)[:_SHOWN_AGENT],
            "ip": fields.clean(browser.ip)[:_SHOWN_IP],
        },
        limits.session,
    )
    await contact_codes.end(session, before.id)
    await invitations.end_all(session, before.id)
    if before.state is State.INVITED:
        values = {"state": State.ACTIVE, "last_sign_in_time": made.create_time, "problem": ""}
        now = await logins.change(session, before.id, values)
        await announce.login(session, "activate_login", now, before)
    else:
        await logins.note_sign_in(session, before.id, made.create_time)
    await announce.login_deed(session, "sign_in", before)
    found = existing(await logins.get(session, before.id), "contact_login", before.id)
    return Welcome(made, secret, found)


async def invited(session: AsyncSession, token: str) -> tuple[Invitation, ContactLogin]:
    """Returns an invitation and whom it is for; raises `NotFound` for one that has ended."""
    found = await invitations.alive(session, secrets.digest(token))
    login = await logins.get(session, found.login_id) if found else None
    if found is None or login is None or not login.usable:
        raise invitation_ended()
    return found, login


async def accept(
    session: AsyncSession, limits: Limits, token: str, password_hash: str, browser: Browser
) -> Welcome:
    """Uses an invitation; stores a password if one was chosen. Raises `NotFound` if it ended."""
    found, _ = await invited(session, token)
    login = await logins.get(session, found.login_id, lock=True)
    used = await invitations.use(session, secrets.digest(token))
    if login is None or not login.usable or used is None:
        raise invitation_ended()
    if password_hash:
        await logins.set_password_hash(session, login.id, password_hash)
    made = await welcome(session, limits, login, Proof.INVITATION, browser)
    if password_hash:
        await announce.login_deed(session, "set_password", made.login)
    return made


def invitation_ended() -> errors.NotFound:
    """Returns the error for an invitation that is good for nothing."""
    return errors.NotFound("INVITATION_INVALID", "the invitation was used or has expired")


@dataclass(frozen=True)
class Exchanged:
    """A token with whose it is."""

    token: Token
    login: ContactLogin


async def exchange(session: AsyncSession, limits: Limits, issuer: Issuer, secret: str) -> Exchanged:
    """Returns a token for all services that opens what is the customer's own.

    Raises `Unauthenticated` when the session ended or the customer may not sign in any more.
    """
    live, login = await live_session(session, limits, secret)
    await contact_sessions.note_use(session, live.id)
    token = issuer.for_contact(login.id, login.contact_id, ALL_SERVICES, sid=str(live.id))
    return Exchanged(token, login)


async def live_session(
    session: AsyncSession, limits: Limits, secret: str
) -> tuple[ContactSession, ContactLogin]:
    """Returns the session of a secret and whose it is; raises `Unauthenticated` when it ended."""
    live = await contact_sessions.live(session, secrets.digest(secret), limits.idle)
    login = await logins.get(session, live.login_id) if live else None
    if live is None or login is None or not login.usable:
        raise errors.Unauthenticated("SIGN_IN_REFUSED", "the session has ended")
    return live, login


async def sign_out(session: AsyncSession, secret: str) -> None:
    """Ends the session of a secret, if there is one."""
    for ended in await contact_sessions.end(session, secrets.digest(secret)):
        login = await logins.get(session, ended.login_id)
        if login is not None:
            await announce.contact_sessions_ended(session, login, [ended])


def must_prove(live: ContactSession, login: ContactLogin, old_password: str, now: datetime) -> bool:
    """Whether the old password is to be compared before another is chosen.

    Raises `FailedPrecondition` when there is nothing to compare and the sign-in is long ago.
    """
    if live.is_fresh(now):
        return False
    if not login.password_hash or not old_password:
        raise errors.FailedPrecondition(
            "PROOF_TOO_OLD", "give the old password, or sign in anew with a code"
        )
    return True


async def set_password(
    session: AsyncSession, limits: Limits, secret: str, proved: ContactLogin, password_hash: str
) -> None:
    """Stores a password and ends the customer's other sessions.

    Raises `Unauthenticated` when the session ended, or the login changed since it was `proved`.
    """
    login = await logins.get(session, proved.id, lock=True)
    live, _ = await live_session(session, limits, secret)
    if login is None or not proved.is_still(login):
        raise errors.Unauthenticated("SIGN_IN_REFUSED", "the old password is another one")
    await logins.set_password_hash(session, login.id, password_hash)
    await contact_codes.end(session, login.id)
    await end_others(session, login, but=live.id)
    await announce.login_deed(session, "set_password", login)
