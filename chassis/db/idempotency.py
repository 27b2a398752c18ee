"""The answer to a request id is remembered with the change, so that a retry changes nothing."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.errors import AlreadyExists, FieldViolation, InvalidArgument

KEPT = timedelta(hours=24)

M = TypeVar("M", bound=Message)


async def once(
    session: AsyncSession,
    method: str,
    request: Message,
    response_type: type[M],
    work: Callable[[], Awaitable[M]],
) -> M:
    """Does `work`, or answers as the first time if `request.request_id` was seen in 24 hours.

    A request without the field or with an empty one is simply done. Concurrent twins wait for
    each other. Raises `AlreadyExists` when the id was used for a different request.
    """
    request_id: str = getattr(request, "request_id", "")
    if not request_id:
        return await work()
    answered = await remembered(
        session,
        method=method,
        request_id=request_id,
        request=request,
        response_type=response_type,
    )
    if answered is not None:
        return answered
    response = await work()
    await remember(
        session, method=method, request_id=request_id, request=request, response=response
    )
    return response


async def remembered(
    session: AsyncSession,
    *,
    method: str,
    request_id: str,
    request: Message,
    response_type: type[M],
) -> M | None:
    """The stored answer of the caller's earlier request, or None.

    Holds a lock on (caller, method, request id) until the transaction ends.
    """
    if len(request_id) > 128:
        violation = FieldViolation("request_id", "longer than 128 characters")
        raise InvalidArgument("FIELDS_INVALID", "request_id is too long", violations=[violation])
    key = {"subject": _subject(), "method": method, "request_id": request_id}
    await session.execute(_LOCK, {"lock": _lock_number(key)})
    found = (await session.execute(_FIND, {**key, "kept": KEPT})).first()
    if found is None:
        return None
    if bytes(found.request_hash) != _hash(request):
        raise AlreadyExists(
            "REQUEST_ID_REUSED", "this request_id was used for a different request", method=method
        )
    return response_type.FromString(bytes(found.response))


async def remember(
    session: AsyncSession, *, method: str, request_id: str, request: Message, response: Message
) -> None:
    """Stores the answer in the caller's transaction; call `remembered` first in it."""
    row = {
        "subject": _subject(),
        "method": method,
        "request_id": request_id,
        "request_hash": _hash(request),
        "response": response.SerializeToString(),
    }
    await session.execute(_STORE, row)


async def prune(session: AsyncSession, keep: timedelta = KEPT, limit: int = 1_000) -> int:
    """Forgets up to `limit` answers older than `keep`; returns how many."""
    deleted = await session.execute(_PRUNE, {"keep": keep, "limit": limit})
    return len(deleted.all())


def _subject() -> str:
    principal = context.current().principal
    return principal.subject if principal else ""


def _hash(request: Message) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


def _lock_number(key: dict[str, str]) -> int:
    text_of_key = "\x00".join(("idempotency", *key.values()))
    digest = hashlib.sha256(text_of_key.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")
_FIND = text("""
    SELECT request_hash, response FROM idempotency
    WHERE subject = :subject AND method = :method AND request_id = :request_id
      AND created_at > now() - CAST(:kept AS interval)
""")
# An answer past its time may still lie there, waiting to be pruned.
_STORE = text("""
    INSERT INTO idempotency (subject, method, request_id, request_hash, response)
    VALUES (:subject, :method, :request_id, :request_hash, :response)
    ON CONFLICT (subject, method, request_id) DO UPDATE
    SET request_hash = excluded.request_hash, response = excluded.response, created_at = now()
""")
_PRUNE = text("""
    DELETE FROM idempotency WHERE (subject, method, request_id) IN (
        SELECT subject, method, request_id FROM idempotency
        WHERE created_at < now() - CAST(:keep AS interval)
        ORDER BY created_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    RETURNING 1
""")
