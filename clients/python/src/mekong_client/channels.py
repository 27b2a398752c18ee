"""Channels: TLS, or plaintext to this machine; what may be repeated is repeated by gRPC itself."""

import importlib
import ipaddress
import json
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

KEY_FIELD = "request_id"
_REPEATABLE = (MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT)
_RETRY = {
    "maxAttempts": 5,  # the most that gRPC allows
    # gRPC waits a random part of these, so that clients do not come back all at once.
    "initialBackoff": "0.2s",
    "maxBackoff": "5s",
    "backoffMultiplier": 2,
    # A server whose time is up answers the calls it cuts off with CANCELLED.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
# To a house in trouble go at most a tenth more calls by repetition, after a burst of fifty.
_THROTTLING = {"maxTokens": 100, "tokenRatio": 0.1}
_LARGEST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Tls:
    """PEM of the authority that servers' certificates come from (None: those that gRPC knows).

    And the client's certificate with its key where the house asks for one.
    """

    authority: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None


def connect(address: str, service: str, tls: Tls | None) -> grpc.Channel:
    """Return a channel to `host:port` of one service of the house (`leads`).

    Plaintext for a loopback address without `tls`, since a token in the clear is anybody's; TLS
    for every other.
    """
    options = _options(services(service))
    target = address if "://" in address else f"dns:///{address}"
    if tls is None and is_local(address):
        return grpc.insecure_channel(target, options)
    given = tls or Tls()
    credentials = grpc.ssl_channel_credentials(given.authority, given.key, given.certificate)
    return grpc.secure_channel(target, credentials, options)


def is_local(address: str) -> bool:
    """Return whether `host:port` is on this machine by its name alone; no name is looked up."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def services(service: str) -> Sequence[ServiceDescriptor]:
    """Return the contracts of one service of the house; raises `LookupError` for none."""
    name = f"crm.{service}.v1"
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError:
        raise LookupError(f"there is no service {service!r}") from None
    modules = [it.name for it in pkgutil.iter_modules(package.__path__)]
    contracts: list[Any] = [
        importlib.import_module(f"{name}.{it}") for it in modules if it.endswith("_service_pb2")
    ]
    return [it for each in contracts for it in each.DESCRIPTOR.services_by_name.values()]


def repeatable(method: MethodDescriptor) -> bool:
    """Return whether a second call does no harm: so it says, or it is sent with a key."""
    level = method.GetOptions().idempotency_level
    return level in _REPEATABLE or takes_key(method)


def takes_key(method: MethodDescriptor) -> bool:
    """Return whether the request has room for an idempotency key."""
    return KEY_FIELD in method.input_type.fields_by_name and not method.client_streaming


def service_config(known: Sequence[ServiceDescriptor]) -> str:
    """Return gRPC's service config for calls to these services, as JSON."""
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    names = list(_repeatable_names(known))
    if names:
        config["methodConfig"] = [{"name": names, "retryPolicy": _RETRY}]
        config["retryThrottling"] = _THROTTLING
    return json.dumps(config)


def _repeatable_names(known: Sequence[ServiceDescriptor]) -> Iterator[dict[str, str]]:
    for service in known:
        for method in service.methods:
            if repeatable(method):
                yield {"service": service.full_name, "method": method.name}


def _options(known: Sequence[ServiceDescriptor]) -> list[tuple[str, Any]]:
    return [
        ("grpc.service_config", service_config(known)),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.max_receive_message_length", _LARGEST_BYTES),
        ("grpc.max_send_message_length", _LARGEST_BYTES),
    ]
