"""HTTP for programs: the published keys, and tokens by the client credentials grant."""

import math
from collections.abc import Sequence

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from chassis import db, errors
from services.accounts.rpc import grants
from services.accounts.usecases import tokens
from services.accounts.usecases.keyring import Keyring

# RFC 6749, section 5.2.
_ANSWERS: dict[type[errors.Error], tuple[int, str]] = {
    errors.Unauthenticated: (401, "invalid_client"),
    errors.PermissionDenied: (403, "unauthorized_client"),
    errors.InvalidArgument: (400, "invalid_target"),
    errors.Unavailable: (503, "temporarily_unavailable"),
    # Of RFC 8628; RFC 6749 knows none for who tries too often.
    errors.ResourceExhausted: (429, "slow_down"),
}


def routes(
    sessions: db.Sessions, keyring: Keyring, issuer: tokens.Issuer
) -> Sequence[web.AbstractRouteDef]:
    """Returns the routes for the ops HTTP server."""

    async def key_set(_: web.Request) -> web.Response:
        published = keyring.published()
        if not published["keys"]:
            return _error(503, "temporarily_unavailable")
        return web.json_response(published, headers={"Cache-Control": "public, max-age=60"})

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("grant_type") != "client_credentials":
            return _error(400, "unsupported_grant_type")
        fields = {name: str(form.get(name, "")) for name in _FIELDS}
        audience = [str(each) for each in form.getall("audience", [])]
        try:
            issued = await grants.give(
                sessions, issuer, request.remote or "", audience=audience, **fields
            )
        except errors.Error as refused:
            return _refusal(refused)
        except (SQLAlchemyError, OSError):
            return _error(503, "temporarily_unavailable")
        body = {"access_token": issued.text, "token_type": "Bearer", "expires_in": issued.seconds}
        granted = {"scope": issued.scope} if issued.scope else {}
        return web.json_response({**body, **granted}, headers=_NOT_STORED)

    return [web.get("/.well-known/jwks.json", key_set), web.post("/oauth2/token", token)]


_FIELDS = ("client_id", "client_secret", "on_behalf_of", "scope", "carried")
_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def _refusal(refused: errors.Error) -> web.Response:
    if refused.reason == "SCOPE_INVALID":
        return _error(400, "invalid_scope")
    answer = _error(*_ANSWERS.get(type(refused), (400, "invalid_request")))
    if refused.retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(math.ceil(refused.retry_after_seconds))
    return answer


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": code}, status=status, headers=_NOT_STORED)
