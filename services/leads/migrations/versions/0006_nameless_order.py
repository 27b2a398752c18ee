"""Lists by name have those who are only shown by an address first, whatever their addresses are."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes addresses out of the keys of the order."""
    op.execute(r"""
        UPDATE contacts SET sort_key = ''
        WHERE given_name = '' AND sort_key <> ''
          AND display_name ~ '^([^\s@]+@[^\s@]*|\+?[0-9][0-9 .()-]{5,}[0-9])$'
    """)


def downgrade() -> None:
    """Leaves them: the release before orders them by id then, and by address once they change."""
