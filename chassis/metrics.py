"""Every metric the chassis writes; services add theirs beside the code they measure."""

import math
from importlib import metadata

from prometheus_client import Counter, Gauge, Histogram, Info

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

build_info = Info(
    "mekong_build", "Which service, of which region, and which versions of its parts run here."
)

grpc_server_handled = Counter(
    "mekong_grpc_server_handled_total", "Calls answered.", ["service", "method", "code"]
)
grpc_server_seconds = Histogram(
    "mekong_grpc_server_seconds",
    "Time from receiving a call to its last byte.",
    ["service", "method"],
    buckets=_SECONDS,
)
grpc_server_in_flight = Gauge("mekong_grpc_server_in_flight", "Calls being answered now.")
grpc_client_handled = Counter(
    "mekong_grpc_client_handled_total", "Calls made to peers.", ["service", "method", "code"]
)
grpc_client_seconds = Histogram(
    "mekong_grpc_client_seconds",
    "Time a peer took, retries included.",
    ["service", "method"],
    buckets=_SECONDS,
)

db_connections = Gauge("mekong_db_connections", "Connections of the pool by state.", ["state"])
db_transaction_seconds = Histogram(
    "mekong_db_transaction_seconds",
    "Time from the first statement to commit or rollback.",
    ["outcome"],
    buckets=_SECONDS,
)

db_pool_wait_seconds = Histogram(
    "mekong_db_pool_wait_seconds",
    "Time until a connection of the pool was there, making it included.",
    buckets=_SECONDS,
)
schema_behind = Gauge(
    "mekong_schema_behind", "1 while the database lacks a migration that this release needs."
)

outbox_backlog = Gauge(
    "mekong_outbox_backlog", "Events committed and not yet published, counted to a limit.", ["cls"]
)
outbox_lag_seconds = Gauge(
    "mekong_outbox_lag_seconds", "Age of the oldest unpublished event.", ["cls"]
)
outbox_published = Counter("mekong_outbox_published_total", "Events published.", ["cls"])
outbox_failed = Counter("mekong_outbox_failed_total", "Rounds that published nothing.", ["cls"])

consumer_handled = Counter(
    "mekong_consumer_handled_total", "Messages whose effect was committed.", ["durable"]
)
consumer_failed = Counter(
    "mekong_consumer_failed_total", "Deliveries that raised and will come again.", ["durable"]
)
consumer_dead = Counter(
    "mekong_consumer_dead_total", "Messages moved to the dead letters.", ["durable"]
)
consumer_duplicate = Counter(
    "mekong_consumer_duplicate_total", "Deliveries whose effect was there already.", ["durable"]
)
consumer_seconds = Histogram(
    "mekong_consumer_seconds", "Time one message took.", ["durable"], buckets=_SECONDS
)

consumer_pending = Gauge(
    "mekong_consumer_pending",
    "Messages of the stream that were not yet delivered to the consumer, over all replicas.",
    ["durable"],
)
consumer_unacknowledged = Gauge(
    "mekong_consumer_unacknowledged",
    "Messages delivered and not yet answered for, over all replicas.",
    ["durable"],
)
consumer_redelivered = Gauge(
    "mekong_consumer_redelivered",
    "Unanswered messages that were delivered more than once, over all replicas.",
    ["durable"],
)
dead_letters = Gauge(
    "mekong_dead_letters", "Messages among the dead letters now, over all replicas.", ["durable"]
)

nats_connected = Gauge("mekong_nats_connected", "1 while the broker is reachable.")
nats_sync_always = Gauge(
    "mekong_nats_sync_always", "1 if the broker writes to disk before it acknowledges, else 0."
)

# Nobody asked where the broker's monitoring is not known: neither yes nor no.
nats_sync_always.set(math.nan)

background_crashes = Counter(
    "mekong_background_crashes_total",
    "Background tasks that ended by an error, and steps of theirs that failed though nothing was"
    " away.",
    ["task"],
)
certificate_expiry = Gauge(
    "mekong_certificate_expiry_timestamp_seconds",
    "When the first certificate of the file in this setting expires, as Unix time: the file as it "
    "is now, or as this process read it when it began and holds it until a restart.",
    ["setting", "what"],
)
ready = Gauge("mekong_ready", "1 while every readiness check passes.")


def describe(service: str, region: str) -> None:
    """Sets the build info: the service, its region and the versions of the parts that matter."""
    parts = ("grpcio", "nats-py", "sqlalchemy", "psycopg")
    versions = {part.replace("-", "_"): metadata.version(part) for part in parts}
    build_info.info({"service": service, "region": region, **versions})
