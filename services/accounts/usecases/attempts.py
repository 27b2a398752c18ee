"""Attempts to prove who one is, counted before they are known to be right.

So parallel guesses count each. One that turns out right is taken back, or forgives all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from services.accounts.domain import fields, lockout
from services.accounts.domain.lockout import Failures, Realm
from services.accounts.storage import sessions


@dataclass(frozen=True)
class Attempt:
    """The keys under which one was counted, and when.

    `everyone` is that of all together and `place` that of the account at the network address; both
    are empty unless both were given.
    """

    keys: Sequence[str]
    time: datetime
    everyone: str = ""
    place: str = ""


async def count(
    session: AsyncSession,
    per_minute: int,
    email: str | None,
    ip: str | None = None,
    realm: Realm = Realm.STAFF,
    *,
    known_as: str | None = None,
) -> Attempt:
    """Counts an attempt for an account, whether there is one or not, and a network address.

    None counts for no account, or no address: who is signed in has none, and at a provider no
    account is tried. `known_as` names one that is tried and not charged. Only a stranger, of whom
    account and address are given, counts for all of the realm together, and waits for all unless
    the account signed in from there before. Raises `ResourceExhausted` to wait.
    """
    free: dict[str, int] = {}
    everyone = place = ""
    account = fields.email_key(email) if email is not None else None
    if account is not None:
        free[lockout.account_key(account)] = lockout.FREE_ACCOUNT
    if ip is not None:
        free[lockout.address_key(ip, realm)] = realm.free_address
    tried = fields.email_key(known_as) if known_as is not None else account
    if tried is not None and ip is not None:
        everyone = lockout.everyone_key(realm)
        place = lockout.place_key(tried, ip, realm)
    keys = list(free)
    now, known = await sessions.lock_failures(session, [*keys, everyone] if everyone else keys)
    await _wait(session, known, now, "too many failed attempts to sign in", everyone, place)
    for key, before_waiting in free.items():
        charged = lockout.charged(known[key], now, before_waiting)
        await sessions.put_failures(session, charged)
    if everyone:
        together = lockout.charged_to_all(known[everyone], now, per_minute)
        await sessions.put_failures(session, together)
    return Attempt(keys, now, everyone, place)


async def take_back(session: AsyncSession, attempt: Attempt) -> None:
    """Uncounts one attempt that was right, and nothing that failed."""
    await sessions.take_back(session, attempt.keys, attempt.everyone, attempt.time)


async def forgive(session: AsyncSession, attempt: Attempt) -> None:
    """Forgets what failed for the attempt's account and network address, and knows them now."""
    await sessions.forgive(session, attempt.keys, attempt.everyone)
    if attempt.place:
        await sessions.know(session, attempt.place)


async def forgive_account(session: AsyncSession, attempt: Attempt) -> None:
    """As `forgive`, but forgets of the network address this attempt alone.

    Customers of one mobile network share few addresses: one who signs in says nothing of others.
    """
    mine, shared = lockout.parted(attempt.keys)
    # The rows in the order in which `count` locks them.
    await sessions.forget(session, mine)
    await sessions.take_back(session, shared, attempt.everyone, attempt.time)
    if attempt.place:
        await sessions.know(session, attempt.place)


async def count_program(session: AsyncSession, client_id: str, ip: str) -> None:
    """Counts a wrong secret for a client, whether there is one or not, and a network address.

    Raises `ResourceExhausted` when either must wait.
    """
    client, address = lockout.program_keys(_named(client_id), ip)
    free = {client: lockout.FREE_ACCOUNT, address: lockout.FREE_ADDRESS}
    now, known = await sessions.lock_failures(session, list(free))
    await _wait(session, known, now, "too many wrong secrets")
    for key, attempts in free.items():
        await sessions.put_failures(session, lockout.charged(known[key], now, attempts))


def _named(client_id: str) -> str:
    """Returns one text for each client, however its id was written."""
    try:
        return str(UUID(client_id))
    except ValueError:
        return client_id


async def count_request(
    session: AsyncSession, of: lockout.Requests, per_minute: int, name: str, ip: str
) -> None:
    """Counts a request for a message, whether there is an account of that name or not.

    Raises `ResourceExhausted` when account, network address or the whole installation must wait;
    the last holds up nobody where they signed in before.
    """
    email_key = fields.email_key(name)
    account, address = lockout.request_keys(of, email_key, ip)
    limits = {
        account: (of.of_account, lockout.WINDOW),
        address: (of.of_address, lockout.WINDOW),
        of.everyone: (per_minute, lockout.MINUTE),
    }
    now, known = await sessions.lock_failures(session, list(limits))
    place = lockout.place_key(email_key, ip, of.realm)
    await _wait(session, known, now, f"too many requests for a {of.kind}", of.everyone, place)
    for key, (most, window) in limits.items():
        charged = lockout.charged_within(known[key], now, most, window)
        await sessions.put_failures(session, charged)


async def _wait(
    session: AsyncSession,
    known: Mapping[str, Failures],
    now: datetime,
    message: str,
    everyone: str = "",
    place: str = "",
) -> None:
    """Raises `ResourceExhausted` for the longest wait; at a known place that of all is none."""
    waits = {key: lockout.wait(each, now) for key, each in known.items()}
    if waits.get(everyone) and await sessions.is_known(session, place):
        del waits[everyone]
    longest = max(waits.values())
    if longest > 0:
        raise errors.ResourceExhausted("RATE_LIMITED", message, retry_after_seconds=longest)
