"""The rights that users and programs have now, for what concerns them and is done without them."""

from uuid import UUID

from chassis import errors
from chassis.config import ServiceSettings
from chassis.context import Principal
from chassis.rpc.keys import Keys, Verifier
from chassis.rpc.tokens import TokenSource


class Identities:
    """Asks the issuer for tokens on behalf of others, and reads them."""

    def __init__(self, tokens: TokenSource, verifier: Verifier, audience: str) -> None:
        self._tokens = tokens
        self._verifier = verifier
        self._audience = audience

    async def principal(self, its_id: UUID) -> Principal | None:
        """Returns who this is now; None for whom nothing may be done any more.

        Raises `Unavailable` while the issuer is away. What it told is kept for minutes.
        """
        try:
            token = await self._tokens.for_(self._audience, str(its_id))
            return await self._verifier.principal(token)
        except errors.PermissionDenied:
            return None
        except errors.Unauthenticated as refused:
            # It is our token that is not understood, which says nothing about who asked us.
            self._tokens.forget(self._audience, str(its_id))
            raise errors.Unavailable(
                "PEER_REFUSED_IDENTITY", "a token of the issuer is not understood"
            ) from refused


def identities(settings: ServiceSettings, name: str, tokens: TokenSource) -> Identities:
    """Returns who knows the rights of now, as the service `name` would be told them."""
    return Identities(tokens, Verifier(Keys(settings.issuer_url), name), name)
