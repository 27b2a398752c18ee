"""Tokens for the client's id and secret: asked for when needed, kept until they nearly end."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
from crm.accounts.v1 import session_service_pb2, session_service_pb2_grpc

from mekong_client import errors

_RENEW_BEFORE_SECONDS = 60.0


@dataclass(frozen=True)
class _Token:
    text: str
    renew_at: float


class Tokens:
    """Safe to use from every thread; one asks, the others wait for its answer."""

    def __init__(
        self,
        channel: grpc.Channel,
        client_id: str,
        client_secret: str,
        *,
        audience: Sequence[str] = (),
        scope: str = "",
        seconds: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stub = session_service_pb2_grpc.TokenServiceStub(channel)
        self._request = session_service_pb2.IssueTokenRequest(
            client_id=client_id, client_secret=client_secret, audience=audience, scope=scope
        )
        self._seconds = seconds
        self._clock = clock
        self._held: _Token | None = None
        self._lock = threading.Lock()

    def get(self) -> str:
        """Return a token that is good for a while; raises `MekongError` when none is given."""
        with self._lock:
            if self._held is None or self._held.renew_at <= self._clock():
                self._held = self._ask()
            return self._held.text

    def forget(self, token: str) -> None:
        """Ask anew next time, because a service refused `token`."""
        with self._lock:
            if self._held is not None and self._held.text == token:
                self._held = None

    def _ask(self) -> _Token:
        asked_at = self._clock()
        try:
            answer = self._stub.IssueToken(self._request, timeout=self._seconds)
        except grpc.RpcError as failure:
            raise errors.of(failure) from failure
        lasts = answer.expire_time.ToNanoseconds() / 1e9 - asked_at
        # A token shorter than the margin is still used for half of its life.
        return _Token(answer.token, asked_at + max(lasts - _RENEW_BEFORE_SECONDS, lasts / 2))
