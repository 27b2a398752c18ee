"""The oldest message of a follow-up that is due and not handed over is found by an index."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("CREATE INDEX deliveries_late ON deliveries (due_time) WHERE state = 'waiting'")


def downgrade() -> None:
    op.execute("DROP INDEX deliveries_late")
