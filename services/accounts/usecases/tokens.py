"""Short-lived tokens for users, programs and our own services."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from chassis.context import Principal
from chassis.rpc.claims import packed
from services.accounts.domain import carried as narrowing
from services.accounts.domain import clients as rules
from services.accounts.domain import rights, scopes
from services.accounts.domain.people import ALL_SERVICES, ApiClient, Role, User
from services.accounts.storage import clients, users
from services.accounts.usecases.identities import Identities
from services.accounts.usecases.keyring import Keyring

ISSUER = "mekong"


@dataclass(frozen=True)
class Token:
    """A signed token and when it ends."""

    text: str
    expire_time: datetime
    seconds: int
    scope: str = ""
    """The rights in it, of a program's token."""


@dataclass(frozen=True)
class Issuer:
    """What is needed to make tokens."""

    keyring: Keyring
    identities: Identities
    seconds: int
    clock: Callable[[], datetime]

    def for_user(self, user: User, role: Role, audience: Sequence[str], **more: Any) -> Token:
        """Returns a token with the rights of a user; `more` are further claims."""
        team = str(user.team_id) if user.team_id else None
        return self._token(
            sub=str(user.id),
            knd="user",
            aud=audience,
            team=team,
            rights=rights.expanded(role.rights),
            hidden=[*role.hidden_fields] or None,
            **more,
        )

    def for_client(
        self, client: ApiClient, audience: Sequence[str], scope: str = "", **more: Any
    ) -> Token:
        """Returns a token with the rights of a program, or those of them that `scope` names.

        Raises `InvalidArgument` SCOPE_INVALID.
        """
        granted = scopes.narrowed(client.rights, scope)
        token = self._token(
            sub=str(client.id),
            knd="client",
            aud=audience,
            rights=granted,
            rpm=client.requests_per_minute or None,
            **more,
        )
        return replace(token, scope=scopes.text(granted))

    def for_contact(
        self, login_id: UUID, contact_id: UUID, audience: Sequence[str], **more: Any
    ) -> Token:
        """Returns a token of a customer, which opens that contact's own data and nothing else."""
        named = {"sub": str(login_id), "contact": str(contact_id)}
        return self._token(**named, knd="contact", aud=audience, **more)

    def for_service(self, name: str, audience: Sequence[str]) -> Token:
        """Returns a token of one of our services, which may do everything."""
        return self._token(sub=name, knd="service", aud=audience)

    def own(self, service: str, audience: str, whom: Principal | None) -> Token:
        """Returns a token by which `service` calls: for itself, or acting for who called it.

        The latter carries the rights that the caller came with; a service that acts for itself is
        not acted for.
        """
        if whom is None or (whom.kind == "service" and whom.actor is None):
            return self.for_service(service, [audience])
        return self._token(
            sub=whom.subject,
            knd=whom.kind,
            aud=[audience],
            team=whom.team_id,
            rights=whom.rights,
            hidden=sorted(whom.hidden) or None,
            act={"sub": service},
        )

    def _token(self, *, aud: Sequence[str], **claims: Any) -> Token:
        now = self.clock()
        expire_time = now + timedelta(seconds=self.seconds)
        given = {name: value for name, value in claims.items() if value is not None}
        if "rights" in given:
            given["rights"] = packed(given["rights"])
        text = self.keyring.sign(
            {
                "iss": ISSUER,
                "aud": list(aud),
                "iat": int(now.timestamp()),
                "exp": int(expire_time.timestamp()),
                "jti": str(uuid4()),
                **given,
            }
        )
        return Token(text, expire_time, self.seconds)


async def issue(
    session: AsyncSession,
    issuer: Issuer,
    client_id: str,
    client_secret: str,
    audience: Sequence[str],
    on_behalf_of: str = "",
    scope: str = "",
    carried: str = "",
) -> Token:
    """Returns a token for a service or a program that proves itself by its secret.

    A service may ask `on_behalf_of` a user or program and gets the rights these have now, or those
    of them that the token they came with `carried`.
    Raises `Unauthenticated` for a wrong id or secret, `InvalidArgument` for an unknown audience,
    a scope that cannot be given or carried rights that cannot be read, `PermissionDenied` when
    nothing may be done on behalf of whom was named.
    """
    wanted = _audience(audience)
    if issuer.identities.knows(client_id):
        if not issuer.identities.prove(client_id, client_secret):
            raise _refused()
        if scope:
            raise scopes.invalid("is for API clients; a service may do everything")
        if not on_behalf_of:
            return issuer.for_service(client_id, wanted)
        return await _on_behalf(session, issuer, client_id, wanted, on_behalf_of, carried)
    client, now = await _client(session, client_id), issuer.clock()
    used = rules.proven(client, client_secret, now)
    if client is None or used is None:
        raise _refused()
    if on_behalf_of:
        raise _not_for(client_id)
    await clients.note_use(session, client.id, used.hash, now)
    return issuer.for_client(client, wanted, scope)


async def _on_behalf(
    session: AsyncSession,
    issuer: Issuer,
    service: str,
    audience: Sequence[str],
    whom: str,
    carried: str,
) -> Token:
    acting, came_with = {"sub": service}, narrowing.read(carried) if carried else None
    try:
        subject = UUID(whom)
    except ValueError:
        raise _not_for(service) from None
    found = await users.with_role(session, subject)
    if found is not None and found[0].active:
        user, role = found
        return issuer.for_user(user, _narrowed(role, came_with), audience, act=acting)
    client = await clients.get(session, subject)
    if client is not None and rules.state(client, issuer.clock()) is rules.State.ACTIVE:
        if came_with is not None:
            client = replace(client, rights=rights.common(client.rights, came_with.rights))
        return issuer.for_client(client, audience, act=acting)
    raise _not_for(service)


def _narrowed(role: Role, came_with: narrowing.Carried | None) -> Role:
    if came_with is None:
        return role
    hidden = frozenset((*role.hidden_fields, *came_with.hidden))
    mutual = rights.common(role.rights, came_with.rights)
    return replace(role, rights=mutual, hidden_fields=sorted(hidden))


async def _client(session: AsyncSession, client_id: str) -> ApiClient | None:
    try:
        return await clients.get(session, UUID(client_id))
    except ValueError:
        return None


def _audience(audience: Sequence[str]) -> Sequence[str]:
    unknown = sorted(set(audience) - set(ALL_SERVICES))
    if unknown:
        violation = errors.FieldViolation("audience", f"unknown service {unknown[0][:40]!r}")
        raise errors.InvalidArgument(
            "FIELDS_INVALID", "the audience names an unknown service", violations=[violation]
        )
    return list(dict.fromkeys(audience)) or list(ALL_SERVICES)


def _refused() -> errors.Unauthenticated:
    return errors.Unauthenticated("SIGN_IN_REFUSED", "client id and secret do not belong together")


def _not_for(service: str) -> errors.PermissionDenied:
    return errors.PermissionDenied(
        "RIGHT_MISSING",
        "nothing may be done on behalf of this subject",
        resource="tokens",
        action="on_behalf_of",
        service=service,
    )
