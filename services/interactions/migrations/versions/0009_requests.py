"""What customers ask in the portal, and what is answered there."""

from alembic import op

revision = "0009"
down_revision = "0008"

_STATEMENTS = (
    """
    CREATE TABLE requests (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL,
        contact_id uuid NOT NULL,
        kind text NOT NULL,
        subject text NOT NULL,
        text text NOT NULL,
        state text NOT NULL,
        assignee_ids uuid[] NOT NULL,
        team_id uuid,
        creator_id text NOT NULL,
        follow_up_id uuid REFERENCES follow_ups (id) ON DELETE SET NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        update_time timestamptz NOT NULL DEFAULT now(),
        close_time timestamptz
    )
    """,
    "CREATE INDEX requests_newest ON requests (create_time DESC, id DESC)",
    "CREATE INDEX requests_by_contact ON requests (contact_id, create_time DESC, id DESC)",
    "CREATE INDEX requests_by_assignee ON requests USING gin (assignee_ids)",
    "CREATE INDEX requests_by_team ON requests (team_id, create_time DESC, id DESC)",
    "CREATE INDEX requests_by_follow_up ON requests (follow_up_id) WHERE follow_up_id IS NOT NULL",
    # Few are not closed at a time, among all there ever were.
    "CREATE INDEX requests_waiting ON requests (create_time DESC, id DESC) WHERE state <> 'closed'",
    """
    CREATE TABLE request_replies (
        id uuid PRIMARY KEY,
        request_id uuid NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
        text text NOT NULL,
        author_id text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX request_replies_of ON request_replies (request_id, create_time, id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE request_replies")
    op.execute("DROP TABLE requests")
