"""Two secrets of an API client at a time, its own limit, and the revision of its etag."""

from alembic import op

revision = "0006"
down_revision = "0005"

_COLUMNS = {
    "revision": "bigint NOT NULL DEFAULT 1",
    "requests_per_minute": "integer NOT NULL DEFAULT 0",
    # Empty for a secret that came with its client.
    "secret_create_time": "timestamptz",
    "secret_last_use_time": "timestamptz",
    "previous_secret_hash": "bytea",
    "previous_create_time": "timestamptz",
    "previous_last_use_time": "timestamptz",
    "previous_expire_time": "timestamptz",
}


def upgrade() -> None:
    added = ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in _COLUMNS.items())
    op.execute(f"ALTER TABLE api_clients {added}")
    op.execute("UPDATE api_clients SET secret_last_use_time = last_use_time")


def downgrade() -> None:
    dropped = ", ".join(f"DROP COLUMN {name}" for name in _COLUMNS)
    op.execute(f"ALTER TABLE api_clients {dropped}")
