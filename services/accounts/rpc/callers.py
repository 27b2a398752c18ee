"""Who calls, beyond what a right says."""

import json
from typing import Any
from uuid import UUID

import grpc
from joserfc import jws

from chassis import context, errors

Context = grpc.aio.ServicerContext[Any, Any]

ME = ("", "me")


def own_id() -> UUID:
    """Returns the calling user's id; raises `InvalidArgument` when no user calls."""
    principal = context.require_principal()
    if principal.kind == "user":
        return UUID(principal.subject)
    raise errors.InvalidArgument(
        "FIELDS_INVALID",
        "the caller is no user",
        violations=[errors.FieldViolation("id", '"me" is for users')],
    )


def is_caller(user_id: UUID) -> bool:
    """Returns True if this user calls."""
    return context.require_principal().subject == str(user_id)


def address(call: Context) -> str:
    """Returns the network address that a call came from, without its port."""
    kind, _, rest = str(call.peer()).partition(":")
    return rest.rpartition(":")[0] if kind in ("ipv4", "ipv6") else rest


def session_id(call: Context) -> UUID | None:
    """Returns the session that the caller's token was exchanged for, if it was.

    The token was verified before the call came here.
    """
    metadata: Any = call.invocation_metadata() or ()
    header = str(dict(metadata).get("authorization", ""))
    try:
        payload = jws.extract_compact(header.partition(" ")[2].encode()).payload
        return UUID(str(json.loads(payload or b"{}")["sid"]))
    except (ValueError, KeyError, TypeError):
        return None
