"""A role hides fields from those who have it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the names of fields; roles there are hide nothing."""
    op.execute("ALTER TABLE roles ADD COLUMN hidden_fields text[] NOT NULL DEFAULT '{}'")


def downgrade() -> None:
    """Takes them away."""
    op.execute("ALTER TABLE roles DROP COLUMN hidden_fields")
