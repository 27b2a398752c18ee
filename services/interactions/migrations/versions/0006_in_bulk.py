"""Batches are taken back; people are told of what they get in bulk, and choose the e-mail."""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = (
    # Whether a person changed or closed it. Those of batches that changed before may have been
    # opened by time alone: they count as changed, so that none is taken back by mistake.
    "ALTER TABLE follow_ups ADD COLUMN edited boolean NOT NULL DEFAULT false",
    "UPDATE follow_ups SET edited = true WHERE batch_id IS NOT NULL AND revision > 1",
    # Of its follow-ups, in the order of their contacts, those up to `reverted_until` are done with.
    """
    ALTER TABLE follow_up_batches
        ADD COLUMN cancelled_count bigint NOT NULL DEFAULT 0,
        ADD COLUMN kept_count bigint NOT NULL DEFAULT 0,
        ADD COLUMN reverted_until uuid
    """,
    """
    CREATE INDEX follow_up_batches_reverting ON follow_up_batches (try_time)
        WHERE state = 'reverting'
    """,
    # Of how many follow-ups one tells.
    "ALTER TABLE notifications ADD COLUMN count integer NOT NULL DEFAULT 0",
    # Those that are old go.
    "CREATE INDEX notifications_by_create ON notifications (create_time)",
    # Whether a person wants the e-mail.
    "ALTER TABLE digests ADD COLUMN wanted boolean NOT NULL DEFAULT true",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE digests DROP COLUMN wanted")
    op.execute("DROP INDEX notifications_by_create")
    op.execute("ALTER TABLE notifications DROP COLUMN count")
    op.execute("DROP INDEX follow_up_batches_reverting")
    for column in ("reverted_until", "kept_count", "cancelled_count"):
        op.execute(f"ALTER TABLE follow_up_batches DROP COLUMN {column}")
    op.execute("ALTER TABLE follow_ups DROP COLUMN edited")
