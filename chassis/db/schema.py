"""The tables every service's database has besides its own."""

from typing import Protocol


class Op(Protocol):
    """What is used of `alembic.op`."""

    def execute(self, sqltext: str) -> object:
        """Runs one statement of a migration."""


def chassis_tables(op: Op) -> None:
    """Creates outbox, inbox and idempotency; call it in a service's first migration."""
    for statement in _TABLES:
        op.execute(statement)


def drop_chassis_tables(op: Op) -> None:
    """Undoes `chassis_tables`."""
    for table in ("outbox", "inbox", "idempotency"):
        op.execute(f"DROP TABLE {table}")


_TABLES = (
    """
    CREATE TABLE outbox (
        id uuid PRIMARY KEY,
        class text NOT NULL,
        subject text NOT NULL,
        key text NOT NULL DEFAULT '',
        revision bigint NOT NULL DEFAULT 0,
        payload bytea NOT NULL,
        request_id text NOT NULL DEFAULT '',
        traceparent text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        published_at timestamptz
    )
    """,
    "CREATE INDEX outbox_unpublished ON outbox (class, id) WHERE published_at IS NULL",
    "CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL",
    """
    CREATE TABLE inbox (
        consumer text NOT NULL,
        event_id text NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, event_id)
    )
    """,
    "CREATE INDEX inbox_seen ON inbox (seen_at)",
    """
    CREATE TABLE idempotency (
        subject text NOT NULL,
        method text NOT NULL,
        request_id text NOT NULL,
        request_hash bytea NOT NULL,
        response bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (subject, method, request_id)
    )
    """,
    "CREATE INDEX idempotency_created ON idempotency (created_at)",
)
