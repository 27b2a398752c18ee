"""Lists of who sees their own contacts alone are read in order from an index, as all others are.

`contacts_owner` has first owners and `contacts_second_owner` second ones; `contacts_more_owners`
has all of the few contacts that have more.
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
        CREATE INDEX contacts_second_owner ON contacts ((owner_ids[2]), create_time DESC, id DESC)
        WHERE cardinality(owner_ids) > 1
    """)
    op.execute("""
        CREATE INDEX contacts_more_owners ON contacts USING gin (owner_ids)
        WHERE cardinality(owner_ids) > 2
    """)


def downgrade() -> None:
    """Takes them away."""
    op.execute("DROP INDEX contacts_more_owners")
    op.execute("DROP INDEX contacts_second_owner")
    op.execute("DROP INDEX contacts_owner")
