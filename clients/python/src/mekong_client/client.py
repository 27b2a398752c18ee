"""A client of the house: one channel to each of its services, made when first used."""

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

import grpc

from mekong_client import channels
from mekong_client.calls import Caller, Deadlines
from mekong_client.channels import Tls
from mekong_client.tokens import Tokens

Stub = TypeVar("Stub")

_ISSUER = "accounts"


class Client:
    """Calls as the API client of an id and a secret; safe to use from every thread.

    `addresses` are `host:port` by service: `accounts`, which gives the tokens, and those that are
    called (`leads`, `interactions`, `campaigns`, `notifier`). `scope` asks for fewer rights than
    the client has ("contacts.read campaigns.read"). Make one after a process has forked.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        *,
        client_id: str,
        client_secret: str,
        scope: str = "",
        tls: Tls | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        if _ISSUER not in addresses:
            raise ValueError("the address of accounts is missing, which gives the tokens")
        self._addresses = dict(addresses)
        self._tls = tls
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()
        waits = deadlines or Deadlines()
        tokens = Tokens(
            self._channel(_ISSUER),
            client_id,
            client_secret,
            audience=sorted(addresses),
            scope=scope,
            seconds=waits.call,
        )
        self._caller = Caller(tokens, waits)

    def stub(self, kind: Callable[[grpc.Channel], Stub]) -> Stub:
        """Return a stub of a generated class: `client.stub(ContactServiceStub)`.

        Its calls raise `MekongError`. Raises `LookupError` for a service without an address.
        """
        channel = self._channel(kind.__module__.split(".")[1])
        return kind(grpc.intercept_channel(channel, self._caller))

    def close(self) -> None:
        """Close every channel."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _channel(self, service: str) -> grpc.Channel:
        if service not in self._addresses:
            raise LookupError(f"the address of {service} is missing")
        with self._lock:
            if service not in self._channels:
                made = channels.connect(self._addresses[service], service, self._tls)
                self._channels[service] = made
            return self._channels[service]
