"""Reminders to the contacts of calls and meetings."""

from alembic import op

revision = "0005"
down_revision = "0004"

_STATEMENTS = (
    # Those whose time has come. `sender` is how it goes and in whose name, as it was then.
    """
    CREATE TABLE contact_reminders (
        follow_up_id uuid NOT NULL REFERENCES follow_ups (id) ON DELETE CASCADE,
        contact_id uuid NOT NULL,
        minutes_before integer NOT NULL,
        start_time timestamptz NOT NULL,
        sender jsonb NOT NULL,
        state text NOT NULL DEFAULT 'waiting',
        reason text NOT NULL DEFAULT '',
        rule text NOT NULL DEFAULT '',
        message_id uuid,
        claim bigint NOT NULL DEFAULT 0,
        tries integer NOT NULL DEFAULT 0,
        revision bigint NOT NULL DEFAULT 0,
        try_time timestamptz NOT NULL DEFAULT now(),
        update_time timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (follow_up_id, start_time, minutes_before, contact_id)
    )
    """,
    "CREATE INDEX contact_reminders_due ON contact_reminders (try_time) WHERE state = 'waiting'",
    # For the contact's story.
    """
    CREATE INDEX contact_reminders_of_contact ON contact_reminders (contact_id)
    WHERE message_id IS NOT NULL
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE contact_reminders")
