"""Erasures: whom to erase, how far each service is, and the report."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates their table."""
    # `sealed` is whom to look for; it is forgotten at the end. All else names nobody.
    op.execute("""
        CREATE TABLE erasures (
            id uuid PRIMARY KEY,
            contact_id uuid NOT NULL UNIQUE,
            reason smallint NOT NULL,
            state smallint NOT NULL DEFAULT 1,
            requester_id text NOT NULL,
            request_time timestamptz NOT NULL,
            end_time timestamptz,
            rounds integer NOT NULL DEFAULT 0,
            sealed bytea,
            parts jsonb NOT NULL DEFAULT '{}',
            swept jsonb NOT NULL DEFAULT '{}',
            quiet_since timestamptz,
            try_time timestamptz NOT NULL DEFAULT now(),
            fence bigint NOT NULL DEFAULT 0,
            CHECK ((state = 2) = (sealed IS NULL))
        )
    """)
    op.execute("CREATE INDEX erasures_due ON erasures (try_time) WHERE state = 1")
    op.execute("CREATE INDEX erasures_requested ON erasures (request_time DESC, id DESC)")


def downgrade() -> None:
    """Drops it."""
    op.execute("DROP TABLE erasures")
