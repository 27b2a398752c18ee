"""Tokens for whoever proves itself, over gRPC and HTTP; those who do not are slowed down."""

from collections.abc import Sequence

from chassis import db, errors
from services.accounts.usecases import attempts, tokens


async def give(
    sessions: db.Sessions,
    issuer: tokens.Issuer,
    address: str,
    client_id: str,
    client_secret: str,
    audience: Sequence[str],
    on_behalf_of: str = "",
    scope: str = "",
    carried: str = "",
) -> tokens.Token:
    """Returns a token; raises as `tokens.issue`.

    `ResourceExhausted` instead of `Unauthenticated` after many wrong secrets for the client or
    from the network address. A right one is never refused: 256 random bits are not guessed, and
    else whoever knows a program's id could shut it out.
    """
    try:
        async with sessions.begin() as session:
            return await tokens.issue(
                session, issuer, client_id, client_secret, audience, on_behalf_of, scope, carried
            )
    except errors.Unauthenticated:
        async with sessions.begin() as session:
            await attempts.count_program(session, client_id, address)
        raise
