"""What people are told of, and when they are reminded."""

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    "ALTER TABLE notes ADD COLUMN mentioned_user_ids uuid[] NOT NULL DEFAULT '{}'",
    # `source_id` is the note, follow-up or event of a proposal; what it says is read there, and
    # nothing of a person is kept here. `occasion` tells facts about the same source apart.
    """
    CREATE TABLE notifications (
        user_id uuid NOT NULL,
        id uuid NOT NULL,
        kind text NOT NULL,
        source_id uuid NOT NULL,
        occasion bigint NOT NULL DEFAULT 0,
        actor_id text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        read_time timestamptz,
        PRIMARY KEY (user_id, id),
        UNIQUE (source_id, user_id, kind, occasion)
    )
    """,
    "CREATE INDEX notifications_unread ON notifications (user_id, id) WHERE read_time IS NULL",
    "ALTER TABLE follow_ups ADD COLUMN reminders jsonb NOT NULL DEFAULT '[]'",
    "ALTER TABLE series ADD COLUMN reminders jsonb NOT NULL DEFAULT '[]'",
    # Those of `follow_ups.reminders` that are still to be given.
    """
    CREATE TABLE reminders (
        follow_up_id uuid NOT NULL REFERENCES follow_ups (id) ON DELETE CASCADE,
        minutes_before integer NOT NULL,
        due_time timestamptz NOT NULL,
        PRIMARY KEY (follow_up_id, minutes_before)
    )
    """,
    "CREATE INDEX reminders_due ON reminders (due_time)",
    # An e-mail to each assignee, word for word since it was first handed over.
    """
    CREATE TABLE reminder_letters (
        follow_up_id uuid NOT NULL REFERENCES follow_ups (id) ON DELETE CASCADE,
        user_id uuid NOT NULL,
        minutes_before integer NOT NULL,
        start_time timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'waiting',
        reason text NOT NULL DEFAULT '',
        attempts integer NOT NULL DEFAULT 0,
        next_time timestamptz NOT NULL DEFAULT now(),
        words jsonb,
        message_id uuid,
        PRIMARY KEY (follow_up_id, user_id, minutes_before, start_time)
    )
    """,
    # Whose turn it is to be told by e-mail what is unread: one row for each person, for ever.
    """
    CREATE TABLE digests (
        user_id uuid PRIMARY KEY,
        number bigint NOT NULL DEFAULT 1,
        is_placed boolean NOT NULL DEFAULT false,
        last_id uuid,
        until_id uuid,
        words jsonb,
        not_after timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        try_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX digests_due ON digests (try_time)",
    "CREATE INDEX reminder_letters_due ON reminder_letters (next_time) WHERE state = 'waiting'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE digests")
    op.execute("DROP TABLE reminder_letters")
    op.execute("DROP TABLE reminders")
    op.execute("ALTER TABLE series DROP COLUMN reminders")
    op.execute("ALTER TABLE follow_ups DROP COLUMN reminders")
    op.execute("DROP TABLE notifications")
    op.execute("ALTER TABLE notes DROP COLUMN mentioned_user_ids")
