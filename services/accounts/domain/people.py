"""Users, teams, roles, sessions and programs as they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.accounts.domain.rights import Rights

ALL_SERVICES = ("leads", "interactions", "campaigns", "notifier", "accounts", "gateway")


@dataclass(frozen=True)
class Role:
    """A named set of rights; `rights` may hold wildcards."""

    id: UUID
    revision: int
    name: str
    rights: Rights
    builtin: bool
    hidden_fields: Sequence[str] = ()


@dataclass(frozen=True)
class Team:
    """Users who work together."""

    id: UUID
    revision: int
    name: str


@dataclass(frozen=True)
class User:
    """Somebody of the staff."""

    id: UUID
    revision: int
    email: str
    display_name: str
    role_id: UUID
    team_id: UUID | None
    locale: str
    time_zone: str
    active: bool
    create_time: datetime
    last_sign_in_time: datetime | None
    password_hash: str = field(repr=False, default="")

    @property
    def invited(self) -> bool:
        """True until the user has a password."""
        return not self.password_hash


@dataclass(frozen=True)
class Session:
    """A signed-in browser; the secret itself is nowhere but in its cookie."""

    id: UUID
    user_id: UUID
    secret_hash: bytes = field(repr=False)
    user_agent: str
    ip: str
    create_time: datetime
    last_use_time: datetime
    expire_time: datetime


@dataclass(frozen=True)
class SecondFactor:
    """A user's authenticator; it counts once it was confirmed.

    `last_step` is the step of time of the newest code that was accepted.
    """

    user_id: UUID
    sealed_secret: bytes = field(repr=False)
    last_step: int
    create_time: datetime
    confirm_time: datetime | None


@dataclass(frozen=True)
class PasswordLink:
    """A link to choose a password; the secret itself is nowhere but in its mail."""

    id: UUID
    user_id: UUID
    kind: str
    expire_time: datetime


@dataclass(frozen=True)
class ClientSecret:
    """What is kept of a secret of a program; one without an end lasts until the next."""

    hash: bytes = field(repr=False)
    create_time: datetime
    last_use_time: datetime | None
    expire_time: datetime | None = None


@dataclass(frozen=True)
class ApiClient:
    """A program that calls with an id and a secret; of secrets there are up to two, newest first.

    `requests_per_minute` is 0 for the house's default.
    """

    id: UUID
    revision: int
    name: str
    rights: Rights
    active: bool
    create_time: datetime
    last_use_time: datetime | None
    expire_time: datetime | None
    requests_per_minute: int
    secrets: Sequence[ClientSecret]
