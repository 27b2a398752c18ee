"""Who was erased, so that nothing of theirs is stored or sent that comes late."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE erased_contacts (
            contact_id uuid PRIMARY KEY,
            create_time timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("CREATE INDEX erased_contacts_created ON erased_contacts (create_time)")


def downgrade() -> None:
    op.execute("DROP TABLE erased_contacts")
