"""Signing in at the OpenID provider of this house."""

import time
from typing import Any

import grpc
import structlog
from crm.accounts.v1 import oidc_identity_pb2, session_service_pb2
from crm.accounts.v1 import oidc_service_pb2 as pb2
from crm.accounts.v1 import oidc_service_pb2_grpc as pb2_grpc
from google.protobuf import empty_pb2

from chassis import db, errors
from chassis.rpc import rights, times
from services.accounts.clients.provider import Provider
from services.accounts.config import Settings
from services.accounts.domain import oidc as rules
from services.accounts.domain.oidc import Check, Person, Rules, Untrusted
from services.accounts.messages import sessions as messages
from services.accounts.rpc import callers, sessions
from services.accounts.rpc.proofs import Proofs
from services.accounts.usecases import attempts, found, oidc, signin, users
from services.accounts.usecases.oidc import Opening, Stranger
from services.accounts.usecases.post import Post

RETURN = "/sign-in/oidc/callback"
"""Where the provider sends browsers back to, below the gateway's `public_url`."""

Context = grpc.aio.ServicerContext[Any, Any]

_LONGEST_ERROR = 64

log = structlog.get_logger(__name__)


def house_rules(settings: Settings) -> Rules:
    """Returns what this house is at its provider, and whom it lets in from there."""
    domains = (each.strip().lower() for each in settings.oidc_email_domains.split(","))
    return Rules(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        redirect_uri=settings.public_url.rstrip("/") + RETURN,
        label=settings.oidc_label,
        domains=frozenset(each for each in domains if each),
        links_by_email=settings.oidc_link_by_email,
        second_factor=settings.oidc_second_factor,
    )


class OidcServicer(pb2_grpc.OidcServiceServicer):
    """Serves `OidcService`; without `provider` it offers nothing."""

    def __init__(
        self,
        kept: db.Sessions,
        proofs: Proofs,
        limits: signin.Limits,
        encryption_key: bytes,
        house: Rules,
        provider: Provider | None,
        post: Post,
    ) -> None:
        self._sessions = kept
        self._proofs = proofs
        self._limits = limits
        self._encryption_key = encryption_key
        self._house = house
        self._provider = provider
        self._post = post

    async def GetOidcProvider(
        self, request: pb2.GetOidcProviderRequest, context: Context
    ) -> pb2.GetOidcProviderResponse:
        """Says how the provider is called, if there is one."""
        return pb2.GetOidcProviderResponse(label=self._house.label if self._provider else "")

    async def BeginOidcSignIn(
        self, request: pb2.BeginOidcSignInRequest, context: Context
    ) -> pb2.BeginOidcSignInResponse:
        """Says where the browser goes; the provider is asked outside any transaction."""
        known = await self._there().metadata()
        async with self._sessions.begin() as session:
            opening, expire_time = await oidc.begin(session, self._encryption_key)
        url = rules.authorization_url(
            known, self._house, opening.state, opening.nonce, opening.verifier
        )
        return pb2.BeginOidcSignInResponse(
            authorization_url=url, state=opening.state, expire_time=times.out(expire_time)
        )

    async def CompleteOidcSignIn(
        self, request: pb2.CompleteOidcSignInRequest, context: Context
    ) -> session_service_pb2.SignInResponse:
        """Ends a sign-in, whatever comes of it; the provider is asked outside any transaction."""
        provider, key, ip = self._there(), self._encryption_key, request.ip
        async with self._sessions.begin() as session:
            opening, attempt = await oidc.take(session, self._limits, key, request.state, ip)
        try:
            who = await self._identified(provider, request, opening)
        except Untrusted as wrong:
            log.warning("oidc_answer_refused", check=wrong.check.value)
            raise errors.Unauthenticated(
                "OIDC_ANSWER_INVALID", "the provider's answer is not right", check=wrong.check
            ) from wrong
        except errors.Error:
            # Nobody guessed anything: the provider is away, or its reader turned back there.
            async with self._sessions.begin() as session:
                await attempts.take_back(session, attempt)
            raise
        async with self._sessions.begin() as session:
            user = await oidc.recognise(session, self._post, self._house, who)
            if isinstance(user, Stranger):
                await signin.refuse(session, user.user)
            else:
                next_ = await oidc.let_in(
                    session, self._limits, self._house, attempt, user, ip, request.user_agent
                )
        if isinstance(user, Stranger):
            log.info("oidc_person_refused", why=user.why.value)
            raise errors.PermissionDenied(
                "OIDC_PERSON_REFUSED", "nobody here is this person", why=user.why
            )
        return sessions.answer(next_)

    async def GetOidcIdentity(
        self, request: pb2.GetOidcIdentityRequest, context: Context
    ) -> oidc_identity_pb2.OidcIdentity:
        """Says whether somebody may sign in there; anybody may ask about oneself."""
        user_id = callers.own_id() if request.id in callers.ME else found.parsed(request.id, "user")
        if not callers.is_caller(user_id):
            rights.require("users", "write")
        async with self._sessions.begin() as session:
            user = await users.get(session, user_id)
            kept = await oidc.linked(session, self._house, user)
        return messages.oidc_identity(kept.user_id, kept.since, only_way_in=kept.only_way_in)

    async def UnlinkOwnOidcIdentity(
        self, request: pb2.UnlinkOwnOidcIdentityRequest, context: Context
    ) -> empty_pb2.Empty:
        """Forgets who the caller is at the provider; the password proves that it is them."""
        user_id, keep = callers.own_id(), callers.session_id(context)
        async with self._sessions.begin() as session:
            user = await users.get(session, user_id)
            await oidc.must_keep_a_way_in(session, self._house, user)
        _, attempt = await self._proofs.password(user_id, request.password)
        async with self._sessions.begin() as session:
            await oidc.unlink_own(session, self._post, user_id, keep)
            await attempts.take_back(session, attempt)
        return empty_pb2.Empty()

    async def UnlinkOidcUser(
        self, request: pb2.UnlinkOidcUserRequest, context: Context
    ) -> empty_pb2.Empty:
        """Forgets who a user is at the provider."""
        user_id = found.parsed(request.id, "user")
        async with self._sessions.begin() as session:
            await users.covered(session, user_id)
            await oidc.unlink(session, self._post, user_id)
        return empty_pb2.Empty()

    async def _identified(
        self, provider: Provider, request: pb2.CompleteOidcSignInRequest, opening: Opening
    ) -> Person:
        known = await provider.metadata()
        rules.check_issuer(known, self._house, request.issuer)
        if request.error:
            raise errors.Unauthenticated(
                "OIDC_DENIED", "the provider signed nobody in", error=request.error[:_LONGEST_ERROR]
            )
        if not request.code:
            raise Untrusted(Check.FORM)
        tokens = await provider.redeem(known, request.code, opening.verifier)
        keys = await provider.keys(known, tokens.id)
        said = rules.claims(tokens.id, keys, self._house, opening.nonce, time.time())
        more = {} if "email" in said else await provider.more(known, tokens.access)
        return rules.person(said, more)

    def _there(self) -> Provider:
        if self._provider is None:
            raise found.missing("oidc_provider", "")
        return self._provider
