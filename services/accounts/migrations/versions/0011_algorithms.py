"""What each signing key signs with; replicas of the release before say nothing and mean EdDSA."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE signing_keys ADD COLUMN algorithm text NOT NULL DEFAULT 'EdDSA'")


def downgrade() -> None:
    # The release before takes every key for one of Ed25519.
    op.execute("DELETE FROM signing_keys WHERE algorithm <> 'EdDSA'")
    op.execute("ALTER TABLE signing_keys DROP COLUMN algorithm")
