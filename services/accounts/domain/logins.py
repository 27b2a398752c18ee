"""How customers sign in to the portal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from uuid import UUID

from chassis import errors

LANGUAGES = ("vi", "en")

FRESH = timedelta(minutes=15)
"""For how long a sign-in by code or invitation lets a customer choose a password."""


class Channel(IntEnum):
    """By which a customer is reached; numbers are those of the contract."""

    SMS = 1
    EMAIL = 2


class State(StrEnum):
    """How far a login has come."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


class Problem(StrEnum):
    """Why a login does not work as it should."""

    NONE = ""
    ADDRESS_TAKEN = "address_taken"
    NOT_SENT = "not_sent"
    CONTACT_DELETED = "contact_deleted"
    ADDRESS_CHANGED = "address_changed"


class Proof(StrEnum):
    """What a session was begun with."""

    CODE = "code"
    PASSWORD = "password"  # noqa: S105 (the name of one)
    INVITATION = "invitation"


@dataclass(frozen=True)
class Person:
    """A contact as leads knows it: `addresses` has the one of each channel that is sent to.

    `every_address` has all of them, also those that are known to be dead.
    """

    contact_id: UUID
    name: str
    locale: str
    addresses: Mapping[Channel, str]
    owners: Sequence[UUID] = ()
    team_id: UUID | None = None
    every_address: Sequence[str] = ()

    @property
    def language(self) -> str:
        """The language of pages and messages."""
        return "en" if self.locale.partition("-")[0] == "en" else LANGUAGES[0]


@dataclass(frozen=True)
class ContactLogin:
    """A customer's way into the portal; `address_key` is None while nobody signs in with it.

    `former_keys` are those of before, by which what was sent there is found when it is erased.
    """

    id: UUID
    revision: int
    contact_id: UUID
    display_name: str
    name_key: str
    language: str
    channel: Channel
    address: str
    address_key: str | None
    state: State
    problem: Problem
    invite_time: datetime | None
    last_sign_in_time: datetime | None
    create_time: datetime
    password_hash: str = field(repr=False, default="")
    former_keys: tuple[str, ...] = ()

    def keys_before(self, now: object) -> list[str]:
        """Returns what was signed in with before, when `now` is what will be."""
        known = {*self.former_keys, *([self.address_key] if self.address_key else [])}
        return sorted(it for it in known if it != now)

    def is_still(self, now: "ContactLogin | None") -> bool:
        """Whether what was proved to be this login holds for it as it is now."""
        if now is None or not now.usable:
            return False
        return (now.address_key, now.password_hash) == (self.address_key, self.password_hash)

    @property
    def usable(self) -> bool:
        """Whether the customer may sign in."""
        return self.state is not State.DISABLED and self.address_key is not None


@dataclass(frozen=True)
class ContactSession:
    """A customer's signed-in browser; the secret itself is nowhere but in its cookie."""

    id: UUID
    login_id: UUID
    secret_hash: bytes = field(repr=False)
    proof: Proof
    user_agent: str
    ip: str
    create_time: datetime
    last_use_time: datetime
    expire_time: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Whether it shows that somebody reads what is sent to the login's address."""
        return self.proof is not Proof.PASSWORD and now - self.create_time < FRESH


@dataclass(frozen=True)
class Invitation:
    """A link that signs a customer in once; the secret itself is nowhere but in its message."""

    id: UUID
    login_id: UUID
    expire_time: datetime


def may_be_invited(login: ContactLogin, *, moves: bool) -> None:
    """Raises `FailedPrecondition` for a login that another invitation is not for.

    `moves` is that the contact has another address now.
    """
    shut = login.state is State.DISABLED and login.problem is not Problem.ADDRESS_CHANGED
    if shut or (login.state is State.ACTIVE and not moves):
        raise forbidden(login, State.INVITED)


def enabled(login: ContactLogin) -> State:
    """Returns what a disabled login becomes.

    Raises `FailedPrecondition` without a contact, or an address of the contact's.
    """
    if login.problem in (Problem.CONTACT_DELETED, Problem.ADDRESS_CHANGED):
        raise forbidden(login, State.ACTIVE)
    return State.ACTIVE if login.last_sign_in_time else State.INVITED


def forbidden(login: ContactLogin, to: State) -> errors.FailedPrecondition:
    """Returns the error that a login cannot become what was asked."""
    return errors.FailedPrecondition(
        "STATE_FORBIDS",
        f"a login that is {login.state} cannot become {to}",
        resource="contact_login",
        state=login.state.value,
        to=to.value,
    )
