"""Metrics of the gateway, on a registry of its own: it has no database and no broker to report."""

from importlib import metadata

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from chassis import metrics

REGISTRY = CollectorRegistry()

http_handled = Counter(
    "mekong_http_handled_total",
    "Requests answered.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
http_seconds = Histogram(
    "mekong_http_seconds",
    "Time from receiving a request to its last byte.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    registry=REGISTRY,
)
http_in_flight = Gauge("mekong_http_in_flight", "Requests being answered now.", registry=REGISTRY)
sessions_cached = Gauge(
    "mekong_sessions_cached", "Sessions whose token is kept here.", registry=REGISTRY
)

for shared in (
    metrics.build_info,
    metrics.certificate_expiry,
    metrics.ready,
    metrics.grpc_client_handled,
    metrics.grpc_client_seconds,
):
    REGISTRY.register(shared)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


def describe() -> None:
    """Set the build info: the service's name and the versions of the parts that matter."""
    parts = ("flask", "grpcio", "gunicorn")
    versions = {part: metadata.version(part) for part in parts}
    metrics.build_info.info({"service": "gateway", **versions})
