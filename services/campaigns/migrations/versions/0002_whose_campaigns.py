"""A campaign belongs to the team of who drafts it, for rights that reach a team's."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the team, and an index for each way a campaign is within reach."""
    op.execute("ALTER TABLE campaigns ADD COLUMN team_id uuid")
    op.execute(
        "CREATE INDEX campaigns_team ON campaigns (team_id, id DESC) WHERE team_id IS NOT NULL"
    )
    op.execute("CREATE INDEX campaigns_creator ON campaigns (creator_id, id DESC)")


def downgrade() -> None:
    """Takes both away."""
    op.execute("DROP INDEX campaigns_creator")
    op.execute("ALTER TABLE campaigns DROP COLUMN team_id")
