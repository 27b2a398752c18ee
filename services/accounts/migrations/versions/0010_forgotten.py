"""What was an erased person's alone, by ids: said each time leads asks, not once."""

from alembic import op

from chassis.db import forgotten

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(forgotten.TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE forgotten")
