"""Templates, contents, campaigns, runs, recipients and chunks."""

from alembic import op

from chassis.db.schema import chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    """
    CREATE TABLE contents (
        hash text PRIMARY KEY,
        channel text NOT NULL,
        subject text NOT NULL,
        html text NOT NULL,
        text text NOT NULL,
        variables text[] NOT NULL,
        attachments jsonb NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE attachments (
        hash text PRIMARY KEY,
        data bytea NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE templates (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL,
        name text NOT NULL,
        channel text NOT NULL,
        subject text NOT NULL,
        html text NOT NULL,
        text text NOT NULL,
        markup text NOT NULL,
        variables text[] NOT NULL,
        content_hash text NOT NULL REFERENCES contents,
        attachments jsonb NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        CONSTRAINT templates_name UNIQUE (name)
    )
    """,
    """
    CREATE TABLE campaigns (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL,
        name text NOT NULL,
        channel text NOT NULL,
        purpose text NOT NULL,
        advertiser_id uuid NOT NULL,
        sender_identity_id uuid NOT NULL,
        template_id uuid NOT NULL CONSTRAINT campaigns_template REFERENCES templates,
        audience jsonb NOT NULL,
        not_after timestamptz,
        max_per_second integer NOT NULL,
        latest_run_id uuid,
        creator_id text NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX campaigns_template_id ON campaigns (template_id)",
    """
    CREATE TABLE runs (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL,
        campaign_id uuid NOT NULL REFERENCES campaigns,
        run_date date NOT NULL,
        epoch bigint NOT NULL,
        state text NOT NULL,
        resume_state text,
        channel text NOT NULL,
        purpose text NOT NULL,
        advertiser_id uuid NOT NULL,
        sender_identity_id uuid NOT NULL,
        content_hash text NOT NULL REFERENCES contents,
        variables text[] NOT NULL,
        audience_query jsonb NOT NULL,
        not_after timestamptz,
        max_per_second integer NOT NULL,
        key bytea NOT NULL CHECK (length(key) = 32),
        creator_id text NOT NULL,
        cursor bigint NOT NULL DEFAULT 0,
        audience bigint NOT NULL DEFAULT 0,
        planned bigint NOT NULL DEFAULT 0,
        excluded jsonb NOT NULL DEFAULT '{}',
        regions text[] NOT NULL DEFAULT '{}',
        planner text NOT NULL DEFAULT '',
        lease_until timestamptz,
        fence bigint NOT NULL DEFAULT 0,
        create_time timestamptz NOT NULL,
        plan_time timestamptz,
        end_time timestamptz,
        rows_gone_at timestamptz,
        pause_reason text NOT NULL DEFAULT '',
        complaints bigint NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX runs_date ON runs (run_date)",
    "CREATE INDEX runs_campaign ON runs (campaign_id, id DESC)",
    "CREATE INDEX runs_open ON runs (state, id) WHERE end_time IS NULL",
    """
    CREATE TABLE run_counters (
        run_id uuid PRIMARY KEY REFERENCES runs,
        planned bigint NOT NULL DEFAULT 0,
        handed_over bigint NOT NULL DEFAULT 0,
        deferred bigint NOT NULL DEFAULT 0,
        skipped bigint NOT NULL DEFAULT 0,
        cancelled bigint NOT NULL DEFAULT 0,
        expired bigint NOT NULL DEFAULT 0,
        in_doubt bigint NOT NULL DEFAULT 0,
        accepted bigint NOT NULL DEFAULT 0,
        delivered bigint NOT NULL DEFAULT 0,
        bounced bigint NOT NULL DEFAULT 0,
        failed bigint NOT NULL DEFAULT 0,
        abandoned bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50)
    """,
    # What divides a counter, where there is a reason to it.
    """
    CREATE TABLE run_reasons (
        run_id uuid NOT NULL REFERENCES runs,
        state text NOT NULL,
        reason text NOT NULL,
        people bigint NOT NULL,
        PRIMARY KEY (run_id, state, reason)
    ) WITH (fillfactor = 50)
    """,
    # Rows by region: handed_to is the last ordinal that was dealt with (handed over, or left behind
    # by a run that ended early), open how many the region's notifier has yet to tell of.
    """
    CREATE TABLE run_regions (
        run_id uuid NOT NULL REFERENCES runs,
        region text NOT NULL,
        handed_to bigint NOT NULL DEFAULT 0,
        open bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (run_id, region)
    ) WITH (fillfactor = 50)
    """,
    # Every change of a recipient is a HOT update: no index and no predicate below names a column
    # that changes (state, reason, revision, update_time, before), and message_id stands for
    # "state <> EXCLUDED". A PLANNED row up to its region's handed_to is HANDED_OVER: the row itself
    # is not touched until a notifier tells of it. before is the state before the last report, for
    # which alone it is there.
    """
    CREATE TABLE recipients (
        run_date date NOT NULL,
        run_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        ordinal bigint NOT NULL,
        revision bigint NOT NULL DEFAULT 0,
        update_time timestamptz NOT NULL DEFAULT now(),
        message_id uuid,
        channel text NOT NULL,
        state text NOT NULL,
        before text NOT NULL DEFAULT '',
        reason text NOT NULL DEFAULT '',
        rule text NOT NULL DEFAULT '',
        region text NOT NULL,
        address text NOT NULL,
        PRIMARY KEY (contact_id, run_id, channel, run_date),
        CHECK ((message_id IS NULL) = (state = 'EXCLUDED'))
    ) PARTITION BY RANGE (run_date)
    """,
    # Message ids are in the order of contacts, as the plan is: what is planned, stored and reported
    # together lies together in this index.
    """
    CREATE UNIQUE INDEX recipients_message
    ON recipients (message_id, run_date) WHERE message_id IS NOT NULL
    """,
    "CREATE INDEX recipients_ordinal ON recipients (run_id, ordinal)",
    # What stays of a recipient when its day's partition is dropped.
    """
    CREATE TABLE past_recipients (
        contact_id uuid NOT NULL,
        run_id uuid NOT NULL,
        channel text NOT NULL,
        run_date date NOT NULL,
        state text NOT NULL,
        reason text NOT NULL,
        time timestamptz NOT NULL,
        PRIMARY KEY (contact_id, run_id, channel)
    )
    """,
    # A chunk is the planned of a region from one ordinal (exclusive) to another, packed by the
    # planner as their notifier gets them; it is handed over once it has an epoch. To compress what
    # is read once would cost more than to keep it.
    """
    CREATE TABLE chunks (
        id uuid PRIMARY KEY,
        run_id uuid NOT NULL REFERENCES runs,
        run_date date NOT NULL,
        region text NOT NULL,
        from_ordinal bigint NOT NULL,
        to_ordinal bigint NOT NULL,
        size integer NOT NULL,
        payload bytea NOT NULL,
        thinned boolean NOT NULL DEFAULT false,
        epoch bigint NOT NULL DEFAULT 0,
        publications integer NOT NULL DEFAULT 0,
        published_at timestamptz,
        due_at timestamptz,
        hand_time timestamptz
    )
    """,
    "ALTER TABLE chunks ALTER COLUMN payload SET STORAGE EXTERNAL",
    "CREATE INDEX chunks_due ON chunks (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX chunks_run ON chunks (run_id, region, to_ordinal)",
)


def upgrade() -> None:
    """Creates everything."""
    chassis_tables(op)
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Drops everything."""
    for table in (
        "chunks",
        "past_recipients",
        "recipients",
        "run_regions",
        "run_reasons",
        "run_counters",
        "runs",
        "campaigns",
        "templates",
        "contents",
        "attachments",
    ):
        op.execute(f"DROP TABLE {table}")
    drop_chassis_tables(op)
