"""What was a deleted contact's alone, by ids: audit entries about it can be erased afterwards."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE forgotten (
            contact_id uuid NOT NULL,
            kind text NOT NULL,
            id uuid NOT NULL,
            PRIMARY KEY (contact_id, kind, id)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE forgotten")
