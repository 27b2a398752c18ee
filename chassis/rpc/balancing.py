"""How a channel reaches every replica of a peer: targets, round robin, health, safe repetition."""

import ipaddress
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import ServiceDescriptor

from chassis.config import SettingsError

# What clients watch on each replica. It tells of the process alone: a replica that misses its
# database or broker still answers, and says what is wrong better than no answer would.
STAYING = "mekong.staying"

_REPEATABLE = {
    descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS,
    descriptor_pb2.MethodOptions.IDEMPOTENT,
}
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    # A server whose time is up answers the calls it cuts off with CANCELLED.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
# A peer in trouble gets at most a tenth more calls by repetition, after a burst of fifty.
_THROTTLING = {"maxTokens": 100, "tokenRatio": 0.1}


def target(address: str) -> str:
    """Return gRPC's target for `host:port`, several `ip:port` with commas, or a target as it is.

    A name is asked of DNS, which may know several replicas. Raises `SettingsError` for several
    addresses of which one is a name: gRPC takes no list of names.
    """
    parts = [part.strip() for part in address.split(",") if part.strip()]
    if len(parts) < 2:
        whole = parts[0] if parts else ""
        return whole if ":///" in whole or "://" in whole else f"dns:///{whole}"
    versions = {_version(part) for part in parts}
    if len(versions) != 1:
        raise SettingsError("several addresses must be of one kind of IP")
    return f"ipv{versions.pop()}:{','.join(parts)}"


def service_config(services: Sequence[ServiceDescriptor]) -> str:
    """Return the JSON service config for calls to `services`.

    Calls go round robin to the replicas that mean to stay; those of methods declared repeatable
    are repeated where a peer is not available.
    """
    names = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if method.GetOptions().idempotency_level in _REPEATABLE
    ]
    config: dict[str, Any] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": STAYING},
    }
    if names:
        config["methodConfig"] = [{"name": names, "retryPolicy": _RETRY}]
        config["retryThrottling"] = _THROTTLING
    return json.dumps(config)


def options(services: Sequence[ServiceDescriptor], max_message_bytes: int) -> list[tuple[str, Any]]:
    """Return the options of a channel to `services`, for the sync and the async client alike."""
    return [
        ("grpc.service_config", service_config(services)),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        # A peer that restarts is found again within a second, not after minutes of backoff.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.dns_min_time_between_resolutions_ms", 1_000),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
    ]


def _version(address: str) -> int:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        raise SettingsError(f"one of several addresses is no ip:port: {address!r}") from None
