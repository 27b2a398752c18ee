"""The oldest message to a person that waits for the notifier is found by an index."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = ("password_letters", "contact_letters")


def upgrade() -> None:
    for table in _TABLES:
        op.execute(f"CREATE INDEX {table}_oldest ON {table} (create_time) WHERE state = 'waiting'")


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"DROP INDEX {table}_oldest")
