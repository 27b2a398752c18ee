"""The index of sources also has what reports of them count, so that they read nothing else."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEX = "CREATE INDEX contacts_source ON contacts (source_id, create_time DESC, id DESC)"


def upgrade() -> None:
    """Makes the index anew."""
    op.execute("DROP INDEX contacts_source")
    op.execute(f"{_INDEX} INCLUDE (status, conversion)")


def downgrade() -> None:
    """Makes it as it was."""
    op.execute("DROP INDEX contacts_source")
    op.execute(_INDEX)
