"""Proposals, their templates, letters and history."""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = (
    """
    CREATE TABLE proposal_templates (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        name text NOT NULL UNIQUE,
        version integer NOT NULL DEFAULT 1,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    # A version never changes: proposals name the one that they were written with.
    """
    CREATE TABLE proposal_template_versions (
        template_id uuid NOT NULL REFERENCES proposal_templates,
        version integer NOT NULL,
        blocks jsonb NOT NULL,
        author_id text NOT NULL,
        update_time timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (template_id, version)
    )
    """,
    # The last number of each year, held locked while one is taken: a number has no gap after it.
    """
    CREATE TABLE proposal_numbers (
        year integer PRIMARY KEY,
        last integer NOT NULL
    )
    """,
    """
    CREATE TABLE proposals (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        number text UNIQUE,
        title text NOT NULL,
        contact_id uuid,
        address text NOT NULL DEFAULT '',
        recipient_name text NOT NULL DEFAULT '',
        template_id uuid NOT NULL,
        template_version integer NOT NULL,
        currency text NOT NULL,
        lines jsonb NOT NULL,
        totals jsonb NOT NULL,
        valid_until date NOT NULL,
        expire_time timestamptz NOT NULL,
        remind_days_before integer NOT NULL DEFAULT 0,
        locale text NOT NULL,
        owner_id uuid,
        team_id uuid,
        state text NOT NULL,
        issue integer NOT NULL DEFAULT 0,
        send_failure text NOT NULL DEFAULT '',
        send_failure_reason text NOT NULL DEFAULT '',
        message_id uuid,
        answer_name text NOT NULL DEFAULT '',
        answer_reason text NOT NULL DEFAULT '',
        send_time timestamptz,
        view_time timestamptz,
        view_count integer NOT NULL DEFAULT 0,
        last_view_time timestamptz,
        answer_time timestamptz,
        remind_time timestamptz,
        document jsonb,
        accepted_life_stage_id uuid,
        stage_move text NOT NULL DEFAULT '',
        move_time timestamptz,
        move_attempts integer NOT NULL DEFAULT 0,
        creator_id text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        update_time timestamptz NOT NULL DEFAULT now(),
        FOREIGN KEY (template_id, template_version) REFERENCES proposal_template_versions
    )
    """,
    "CREATE INDEX proposals_by_time ON proposals (create_time, id)",
    "CREATE INDEX proposals_by_contact ON proposals (contact_id, create_time, id)",
    "CREATE INDEX proposals_by_owner ON proposals (owner_id, create_time, id)",
    "CREATE INDEX proposals_by_creator ON proposals (creator_id, create_time, id)",
    "CREATE INDEX proposals_by_team ON proposals (team_id, create_time, id)",
    """
    CREATE INDEX proposals_expiring ON proposals (expire_time)
        WHERE state IN ('sending', 'sent', 'viewed')
    """,
    "CREATE INDEX proposals_to_move ON proposals (move_time) WHERE stage_move = 'waiting'",
    "CREATE INDEX proposals_to_remind ON proposals (remind_time) WHERE remind_time IS NOT NULL",
    """
    CREATE TABLE proposal_events (
        id uuid PRIMARY KEY,
        proposal_id uuid NOT NULL REFERENCES proposals ON DELETE CASCADE,
        time timestamptz NOT NULL DEFAULT clock_timestamp(),
        kind text NOT NULL,
        actor text NOT NULL,
        issue integer NOT NULL,
        text text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX proposal_events_by_proposal ON proposal_events (proposal_id, time, id)",
    # An e-mail as it is handed over, word for word: a retry is the same request.
    """
    CREATE TABLE proposal_letters (
        id uuid PRIMARY KEY,
        proposal_id uuid NOT NULL REFERENCES proposals ON DELETE CASCADE,
        issue integer NOT NULL,
        kind text NOT NULL,
        address text NOT NULL,
        subject text NOT NULL,
        text text NOT NULL,
        html text NOT NULL,
        advertiser_id uuid NOT NULL,
        sender_identity_id uuid NOT NULL,
        contact_id uuid,
        not_after timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'waiting',
        attempts integer NOT NULL DEFAULT 0,
        next_time timestamptz NOT NULL DEFAULT now(),
        message_id uuid,
        failure text NOT NULL DEFAULT '',
        fate text NOT NULL DEFAULT '',
        fate_revision bigint NOT NULL DEFAULT 0,
        UNIQUE (proposal_id, issue, kind)
    )
    """,
    "CREATE INDEX proposal_letters_due ON proposal_letters (next_time) WHERE state = 'waiting'",
    # Made when it is first asked for, and then the same for ever.
    """
    CREATE TABLE proposal_pdfs (
        proposal_id uuid NOT NULL REFERENCES proposals ON DELETE CASCADE,
        issue integer NOT NULL,
        data bytea NOT NULL,
        PRIMARY KEY (proposal_id, issue)
    )
    """,
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in ("pdfs", "letters", "events"):
        op.execute(f"DROP TABLE proposal_{table}")
    op.execute("DROP TABLE proposals")
    for table in ("numbers", "template_versions", "templates"):
        op.execute(f"DROP TABLE proposal_{table}")
