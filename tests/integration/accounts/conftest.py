"""Accounts on a fresh database, served over gRPC inside the test."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crm.accounts.v1 import (
    audit_service_pb2_grpc,
    password_service_pb2_grpc,
    second_factor_service_pb2_grpc,
    session_service_pb2_grpc,
    user_pb2,
    user_service_pb2,
    user_service_pb2_grpc,
)
from sqlalchemy import text

from chassis import db
from chassis.context import Principal
from chassis.rpc import claims
from chassis.rpc.keys import Keys, Verifier
from services.accounts import workers
from services.accounts.config import Settings
from services.accounts.domain import rights
from services.accounts.messages.audit import happening
from services.accounts.rpc.audit import AuditServicer
from services.accounts.rpc.clients import ApiClientServicer
from services.accounts.rpc.factors import SecondFactorServicer
from services.accounts.rpc.proofs import Proofs
from services.accounts.rpc.resets import PasswordServicer
from services.accounts.rpc.sessions import SessionServicer
from services.accounts.rpc.tokens import TokenServicer
from services.accounts.rpc.users import UserServicer
from services.accounts.usecases.factors import Factors
from services.accounts.usecases.identities import Identities
from services.accounts.usecases.keyring import Keyring
from services.accounts.usecases.passwords import Passwords
from services.accounts.usecases.post import Post
from services.accounts.usecases.signin import Limits
from services.accounts.usecases.tokens import Issuer, Token, issue
from services.accounts.usecases.trail import Trail
from tests.integration import emptied, serving
from tests.integration.pools import Pools

GATEWAY = Principal("gateway", "service")
EMAIL = "admin@mekong.example"
SECRET = "the secret of leads"


@dataclass
class House:
    """The service under test and what tests look into."""

    served: serving.Served
    sessions: db.Sessions
    trail: Trail
    issuer: Issuer
    password: str
    limits: Limits
    roles: dict[str, str]
    admin_id: str = ""

    def users(self, who: Principal | None = None, **claims: Any) -> Any:
        channel = self.served.as_(who or self.admin, **claims)
        return user_service_pb2_grpc.UserServiceStub(channel)

    def clients(self, who: Principal | None = None) -> Any:
        return user_service_pb2_grpc.ApiClientServiceStub(self.served.as_(who or self.admin))

    def signing_in(self, who: Principal = GATEWAY, **claims: Any) -> Any:
        return session_service_pb2_grpc.SessionServiceStub(self.served.as_(who, **claims))

    def factors(self, who: Principal, **claims: Any) -> Any:
        channel = self.served.as_(who, **claims)
        return second_factor_service_pb2_grpc.SecondFactorServiceStub(channel)

    def links(self, who: Principal = GATEWAY) -> Any:
        return password_service_pb2_grpc.PasswordServiceStub(self.served.as_(who))

    def tokens(self) -> Any:
        return session_service_pb2_grpc.TokenServiceStub(self.served.as_(None))

    def audit(self, who: Principal | None = None) -> Any:
        return audit_service_pb2_grpc.AuditServiceStub(self.served.as_(who or self.admin))

    async def principal(self, token: str, audience: str) -> Principal:
        """Returns who a token names to the service `audience`."""
        return await Verifier(_Published(self.issuer.keyring), audience).principal(token)

    async def issue(self, service: str, on_behalf_of: str, carried: str = "") -> Token:
        """Returns a token that a service asked for on behalf of somebody."""
        async with self.sessions.begin() as session:
            return await issue(
                session, self.issuer, service, SECRET, [], on_behalf_of, carried=carried
            )

    @property
    def admin(self) -> Principal:
        return person(self.admin_id, "admin")

    async def sql(self, statement: str, **given: Any) -> list[Any]:
        """Runs a statement in the service's database; returns its rows."""
        async with self.sessions.begin() as session:
            found: Any = await session.execute(text(statement), given)
            return list(found) if found.returns_rows else []

    async def hold(self) -> None:
        """Makes the waits ten minutes longer, which a busy machine does not outlast."""
        await self.sql(
            "UPDATE sign_in_failures SET blocked_until = blocked_until + interval '10 minutes'"
            " WHERE blocked_until > last_time AND key ~ '(^| )a'"
        )

    async def deeds(self) -> list[str]:
        """Returns the actions that were audited, in their order."""
        rows = await self.sql("SELECT payload FROM outbox WHERE class = 'audit' ORDER BY id")
        return [happening(bytes(row.payload)).action for row in rows]

    async def add_client(self, *rights: user_pb2.Right, **more: Any) -> user_pb2.ApiClient:
        """Adds a program with these rights."""
        given = user_pb2.ApiClient(name="Shop", rights=rights, **more)
        answer = await self.clients().CreateApiClient(
            user_service_pb2.CreateApiClientRequest(api_client=given)
        )
        client: user_pb2.ApiClient = answer
        return client

    async def add(self, name: str, role: str = "sales", **more: Any) -> user_pb2.User:
        """Adds a user with the password "a long password"."""
        user = user_pb2.User(
            email=more.pop("email", f"{name.lower().replace(' ', '.')}@mekong.example"),
            display_name=name,
            role_id=self.roles[role],
            **more,
        )
        request = user_service_pb2.CreateUserRequest(user=user, password="a long password")
        added: user_pb2.User = await self.users().CreateUser(request)
        return added


class _Published(Keys):
    """The keys as accounts publishes them, without the way over HTTP."""

    def __init__(self, keyring: Keyring) -> None:
        super().__init__("http://nowhere")
        self._held = claims.keys(keyring.published())


def person(user_id: str, role: str) -> Principal:
    return Principal(user_id, "user", rights=rights.expanded(rights.BUILTIN[role]))


@pytest.fixture(scope="session")
def accounts_database(make_database: Callable[[], str]) -> str:
    """The URL of a migrated database, which tests use one after the other."""
    return emptied.migrate(make_database(), "services.accounts")


@pytest.fixture
def settings(accounts_database: str, tmp_path: Path) -> Settings:
    clients = tmp_path / "clients.json"
    clients.write_text(json.dumps({"leads": hashlib.sha256(SECRET.encode()).hexdigest()}))
    given = {
        "seal_key": "seal",
        "database_url": accounts_database,
        "nats_url": "nats://127.0.0.1:1",
        "issuer_url": "http://127.0.0.1:1",
        "key_encryption_key": base64.b64encode(bytes(range(32))).decode(),
        "service_clients_file": clients,
        "first_password_file": tmp_path / "first password",
    }
    return Settings.model_validate(given)


@pytest.fixture
async def sessions(settings: Settings, pools: Pools) -> AsyncIterator[db.Sessions]:
    async with pools.open(settings, "accounts") as made:
        await emptied.empty(made)
        yield made


@pytest.fixture
async def house(
    settings: Settings, sessions: db.Sessions, serve: Callable[..., Any]
) -> AsyncIterator[House]:
    passwords = Passwords(memory_kib=64, passes=1, threads=2)
    limits = Limits(timedelta(hours=12), timedelta(hours=2), 1_000)
    trail = Trail(settings.encryption_key())
    keyring = Keyring(settings.encryption_key(), timedelta(days=30), lambda: datetime.now(UTC))
    identities = Identities(settings.service_clients_file)
    identities.refresh()
    async with sessions.begin() as session:
        await keyring.refresh(session)
    first = settings.first_user_email, settings.first_password_file
    await workers.lay_foundation(sessions, passwords, *first)()
    issuer = Issuer(keyring, identities, 300, lambda: datetime.now(UTC))
    factors, proofs = Factors(settings.encryption_key()), Proofs(sessions, passwords, limits)
    post = Post(settings.staff_sender_identity_id is not None, per_minute=100)
    signing_in = SessionServicer(sessions, issuer, passwords, factors, limits, settings.seal_key)
    users = UserServicer(sessions, passwords, proofs, post, settings.seal_key)
    clients = ApiClientServicer(sessions, settings.seal_key, lambda: datetime.now(UTC))
    audit = AuditServicer(sessions, trail, settings.seal_key)
    served = await serve(
        settings,
        "accounts",
        [
            (session_service_pb2_grpc.add_SessionServiceServicer_to_server, signing_in),
            (
                session_service_pb2_grpc.add_TokenServiceServicer_to_server,
                TokenServicer(sessions, issuer),
            ),
            (
                second_factor_service_pb2_grpc.add_SecondFactorServiceServicer_to_server,
                SecondFactorServicer(sessions, proofs, factors, post),
            ),
            (
                password_service_pb2_grpc.add_PasswordServiceServicer_to_server,
                PasswordServicer(sessions, passwords, post),
            ),
            (user_service_pb2_grpc.add_UserServiceServicer_to_server, users),
            (user_service_pb2_grpc.add_ApiClientServiceServicer_to_server, clients),
            (audit_service_pb2_grpc.add_AuditServiceServicer_to_server, audit),
        ],
    )
    assert settings.first_password_file is not None
    password = settings.first_password_file.read_text().strip()
    made = House(served, sessions, trail, issuer, password, limits, {})
    listed = await made.users(GATEWAY).ListRoles(user_service_pb2.ListRolesRequest())
    made.roles = {role.name: role.id for role in listed.roles}
    everybody = await made.users(GATEWAY).ListUsers(user_service_pb2.ListUsersRequest())
    made.admin_id = everybody.users[0].id
    yield made
    await passwords.close()
