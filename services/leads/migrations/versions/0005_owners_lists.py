"""Lists of who sees their own contacts alone are read in order from an index, as all others are.

`contacts_owner` has the first owners; of a contact with several, `contacts_shared` has them all.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the indexes."""
    op.execute("""
        CREATE INDEX contacts_owner ON contacts ((owner_ids[1]), create_time DESC, id DESC)
        WHERE owner_ids <> '{}'
    """)
    op.execute("""
        CREATE INDEX contacts_shared ON contacts USING gin (owner_ids)
        WHERE cardinality(owner_ids) > 1
    """)


def downgrade() -> None:
    """Takes them away."""
    op.execute("DROP INDEX contacts_shared")
    op.execute("DROP INDEX contacts_owner")
