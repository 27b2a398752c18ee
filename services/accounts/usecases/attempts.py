"""Attempts to prove who one is, counted before they are known to be right.

So parallel guesses count each. One that turns out right is taken back, or forgives all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from services.accounts.domain import fields, lockout
from services.accounts.storage import sessions


@dataclass(frozen=True)
class Attempt:
    """The keys under which one was counted, and when."""

    keys: Sequence[str]
    time: datetime


async def count(
    session: AsyncSession,
    per_minute: int,
    email: str | None,
    ip: str | None = None,
    *,
    customers: bool = False,
) -> Attempt:
    """Counts an attempt for an account, whether there is one or not, and a network address.

    None counts for no account, or no address. Attempts of `customers` count apart by network
    address. Raises `ResourceExhausted` when either or the whole installation must wait.
    """
    free = {}
    if email is not None:
        free[lockout.account_key(fields.email_key(email))] = lockout.FREE_ACCOUNT
    if ip is not None:
        key = lockout.customers_key(ip) if customers else lockout.address_key(ip)
        free[key] = lockout.FREE_CUSTOMERS if customers else lockout.FREE_ADDRESS
    keys = list(free)
    now, known = await sessions.lock_failures(session, [*keys, lockout.EVERYONE])
    longest = max(lockout.wait(each, now) for each in known.values())
    if longest > 0:
        raise errors.ResourceExhausted(
            "RATE_LIMITED", "too many failed attempts to sign in", retry_after_seconds=longest
        )
    for key, before_waiting in free.items():
        charged = lockout.charged(known[key], now, before_waiting)
        await sessions.put_failures(session, charged)
    everyone = lockout.charged_to_all(known[lockout.EVERYONE], now, per_minute)
    await sessions.put_failures(session, everyone)
    return Attempt(keys, now)


async def take_back(session: AsyncSession, attempt: Attempt) -> None:
    """Uncounts one attempt that was right, and nothing that failed."""
    await sessions.take_back(session, attempt.keys, lockout.EVERYONE, attempt.time)


async def forgive(session: AsyncSession, attempt: Attempt) -> None:
    """Forgets what failed for the attempt's account and network address."""
    await sessions.forgive(session, attempt.keys, lockout.EVERYONE)


async def forgive_account(session: AsyncSession, attempt: Attempt) -> None:
    """Forgets what failed for the account, and of the network address this attempt alone.

    Customers of one mobile network share few addresses: one who signs in says nothing of others.
    """
    mine, shared = lockout.parted(attempt.keys)
    # The rows in the order in which `count` locks them.
    await sessions.forget(session, mine)
    await sessions.take_back(session, shared, lockout.EVERYONE, attempt.time)


async def count_program(session: AsyncSession, client_id: str, ip: str) -> None:
    """Counts a wrong secret for a client, whether there is one or not, and a network address.

    Raises `ResourceExhausted` when either must wait.
    """
    client, address = lockout.program_keys(_named(client_id), ip)
    free = {client: lockout.FREE_ACCOUNT, address: lockout.FREE_ADDRESS}
    now, known = await sessions.lock_failures(session, list(free))
    longest = max(lockout.wait(each, now) for each in known.values())
    if longest > 0:
        raise errors.ResourceExhausted(
            "RATE_LIMITED", "too many wrong secrets", retry_after_seconds=longest
        )
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

    Raises `ResourceExhausted` when account, network address or the whole installation must wait.
    """
    account, address = lockout.request_keys(of, fields.email_key(name), ip)
    limits = {
        account: (of.of_account, lockout.WINDOW),
        address: (of.of_address, lockout.WINDOW),
        of.everyone: (per_minute, lockout.MINUTE),
    }
    now, known = await sessions.lock_failures(session, list(limits))
    longest = max(lockout.wait(each, now) for each in known.values())
    if longest > 0:
        raise errors.ResourceExhausted(
            "RATE_LIMITED", f"too many requests for a {of.kind}", retry_after_seconds=longest
        )
    for key, (most, window) in limits.items():
        charged = lockout.charged_within(known[key], now, most, window)
        await sessions.put_failures(session, charged)
