"""How long somebody who keeps failing to sign in must wait."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chassis import networks

FREE_ACCOUNT, FREE_ADDRESS = 5, 20
FREE_CUSTOMERS = 100
"""As `FREE_ADDRESS`, of customers: those of one mobile network share few addresses."""
LONGEST = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

WINDOW = timedelta(minutes=15)
PLACES_KEPT = timedelta(days=30)
"""How long an account is known at a network address where it signed in."""
PLACE = "known "
"""How keys of places begin; their rows count nothing."""
_ACCOUNT = "account/"


class Realm(StrEnum):
    """Who signs in. Each counts by itself: who guesses at one holds up nobody of the other.

    The value begins its keys.
    """

    STAFF = ""
    CUSTOMERS = "customers "

    @property
    def free_address(self) -> int:
        """How many failures of a network address make nobody wait."""
        return FREE_CUSTOMERS if self is Realm.CUSTOMERS else FREE_ADDRESS


@dataclass(frozen=True)
class Requests:
    """How many messages may be asked for in `WINDOW`, which begins with the first.

    `kind` begins the keys that they count under, `everyone` is that of the whole installation.
    """

    kind: str
    of_account: int
    of_address: int
    everyone: str
    realm: Realm


RESETS = Requests("reset", 3, 20, "resets", Realm.STAFF)
# Customers of one mobile network share few addresses.
CODES = Requests("code", 5, 100, "codes", Realm.CUSTOMERS)


@dataclass(frozen=True)
class Failures:
    """What is known of the failures under one key; times are the database's."""

    key: str
    failures: int
    last_time: datetime
    blocked_until: datetime


def account_key(email_key: str) -> str:
    """Returns the key of an account, whether it exists or not, without the address in it."""
    return _ACCOUNT + hashlib.sha256(email_key.encode()).hexdigest()


def parted(keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the keys of accounts, and the others, which people share."""
    mine = [it for it in keys if it.startswith(_ACCOUNT)]
    return mine, [it for it in keys if it not in mine]


def address_key(ip: str, realm: Realm = Realm.STAFF) -> str:
    """Returns the key of a network address, the same for all that one subscriber has."""
    return f"{realm}address/{hashlib.sha256(networks.block(ip).encode()).hexdigest()}"


def everyone_key(realm: Realm) -> str:
    """Returns the key of all together."""
    return f"{realm}everyone"


def place_key(email_key: str, ip: str, realm: Realm) -> str:
    """Returns the key of an account at a network address, where it may have signed in.

    It ends with that of the account, by which it is found when somebody is erased.
    """
    return f"{PLACE}{address_key(ip, realm)} {account_key(email_key)}"


def request_keys(of: Requests, email_key: str, ip: str) -> tuple[str, str]:
    """Returns the keys under which requests count: by account and network address."""
    return f"{of.kind} {account_key(email_key)}", f"{of.kind} {address_key(ip)}"


def program_keys(client_id: str, ip: str) -> tuple[str, str]:
    """Returns the keys under which wrong secrets count, apart from people's passwords."""
    return f"program {account_key(client_id)}", f"program {address_key(ip)}"


def wait(known: Failures, now: datetime) -> float:
    """Returns the seconds to wait before the next attempt, 0 for none."""
    return max(0.0, (known.blocked_until - now).total_seconds())


def charged(known: Failures, now: datetime, free: int) -> Failures:
    """Counts one attempt as failed: each after `free` doubles the wait, from one second."""
    forgotten = now - known.last_time > FORGOTTEN_AFTER
    failures = 1 if forgotten else known.failures + 1
    over = failures - free
    delay = min(timedelta(seconds=2 ** min(over, 20)), LONGEST) if over >= 0 else timedelta(0)
    return replace(known, failures=failures, last_time=now, blocked_until=now + delay)


def charged_to_all(known: Failures, now: datetime, per_minute: int) -> Failures:
    """Counts one attempt of the whole installation."""
    return charged_within(known, now, per_minute, MINUTE)


def charged_within(known: Failures, now: datetime, most: int, window: timedelta) -> Failures:
    """Counts one of at most so many in a window of time; `last_time` is when the window began."""
    if now - known.last_time >= window:
        known = replace(known, failures=0, last_time=now)
    failures = known.failures + 1
    until = known.last_time + window if failures >= most else now
    return replace(known, failures=failures, blocked_until=until)
