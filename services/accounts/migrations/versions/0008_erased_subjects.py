"""Whose values no audit entry keeps any more, however late it comes."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE erased_subjects (
            subject_type text NOT NULL,
            subject_id text NOT NULL,
            create_time timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (subject_type, subject_id)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE erased_subjects")
