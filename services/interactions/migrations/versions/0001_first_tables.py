"""Follow-ups, series, interactions, notes, facts of timelines, and the copy of contacts."""

from alembic import op

from chassis.db.schema import chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE contacts (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL,
        owner_ids uuid[] NOT NULL DEFAULT '{}',
        team_id uuid,
        open_lead boolean NOT NULL DEFAULT false,
        deleted boolean NOT NULL DEFAULT false,
        lead_time timestamptz,
        next_follow_up_id uuid,
        next_follow_up_time timestamptz,
        last_interaction_time timestamptz,
        last_interaction_kind text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX contacts_deleted ON contacts (id) WHERE deleted",
    # A report counts leads from this index alone.
    """
    CREATE INDEX contacts_leads ON contacts (lead_time, id) INCLUDE (owner_ids, team_id)
        WHERE lead_time IS NOT NULL AND NOT deleted
    """,
    # Leads without a next step. Of several owners the first has an index that gives pages in
    # order, as assignees of follow-ups below; those after it, who are few, are sorted.
    *(
        f"CREATE INDEX contacts_idle_{name} WHERE open_lead AND next_follow_up_id IS NULL"
        f" AND NOT deleted{more}"
        for name, more in (
            ("by_owner ON contacts ((owner_ids[1]), id)", ""),
            ("by_team ON contacts (team_id, id)", ""),
            ("by_id ON contacts (id)", ""),
            ("shared ON contacts USING gin (owner_ids)", " AND cardinality(owner_ids) > 1"),
        )
    ),
    """
    CREATE TABLE follow_ups (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        title text NOT NULL,
        type text NOT NULL,
        status text NOT NULL,
        contact_id uuid,
        contact_count integer NOT NULL DEFAULT 1,
        segment_id uuid,
        series_id uuid,
        recurrence_time timestamptz,
        batch_id uuid,
        message jsonb,
        progress jsonb,
        assignee_ids uuid[] NOT NULL,
        start_time timestamptz NOT NULL,
        end_time timestamptz NOT NULL CHECK (end_time >= start_time),
        time_zone text NOT NULL,
        description text NOT NULL DEFAULT '',
        outcome text NOT NULL DEFAULT '',
        category text NOT NULL DEFAULT '',
        team_id uuid,
        creator_id text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        update_time timestamptz NOT NULL DEFAULT now(),
        close_time timestamptz
    )
    """,
    """
    CREATE UNIQUE INDEX follow_ups_by_series ON follow_ups
        (series_id, recurrence_time, contact_id) NULLS NOT DISTINCT WHERE series_id IS NOT NULL
    """,
    # A contact gets one follow-up of a batch, whoever makes them.
    """
    CREATE UNIQUE INDEX follow_ups_by_batch ON follow_ups (batch_id, contact_id)
        WHERE batch_id IS NOT NULL
    """,
    # Reports count from this index alone.
    """
    CREATE INDEX follow_ups_by_start ON follow_ups (start_time, id)
    INCLUDE (type, status, end_time, contact_id, assignee_ids, team_id, creator_id)
    """,
    "CREATE INDEX follow_ups_by_contact ON follow_ups (contact_id, start_time, id)",
    "CREATE INDEX follow_ups_by_assignee ON follow_ups USING gin (assignee_ids)",
    "CREATE INDEX follow_ups_by_creator ON follow_ups (creator_id, start_time, id)",
    "CREATE INDEX follow_ups_by_team ON follow_ups (team_id, start_time, id)",
    "CREATE INDEX follow_ups_due ON follow_ups (start_time) WHERE status = 'scheduled'",
    # In the order of start, which a GIN index is not; the few with several have one of their own.
    """
    CREATE INDEX follow_ups_by_first_assignee ON follow_ups
        ((assignee_ids[1]), start_time, id)
    """,
    """
    CREATE INDEX follow_ups_by_several_assignees ON follow_ups USING gin (assignee_ids)
        WHERE cardinality(assignee_ids) > 1
    """,
    # Who reads a day finds by their start those that last a day at most; the few others are here.
    """
    CREATE INDEX follow_ups_long ON follow_ups (end_time)
        WHERE end_time - start_time > interval '1 day'
    """,
    # Without them a third of all are taken to last for days, and a month is read from its start.
    "CREATE STATISTICS follow_ups_lengths ON (end_time - start_time) FROM follow_ups",
    *(
        f"CREATE INDEX follow_ups_to_do_{name} WHERE status IN ('scheduled', 'open'){more}"
        for name, more in (
            ("by_contact ON follow_ups (contact_id, start_time, id)", ""),
            ("by_assignee ON follow_ups ((assignee_ids[1]), start_time, id)", ""),
            ("by_team ON follow_ups (team_id, start_time, id)", ""),
            ("by_start ON follow_ups (start_time, id)", ""),
            ("shared ON follow_ups USING gin (assignee_ids)", " AND cardinality(assignee_ids) > 1"),
        )
    ),
    """
    CREATE INDEX follow_ups_met ON follow_ups (contact_id, close_time) INCLUDE (type)
        WHERE status = 'completed' AND type IN ('call', 'meeting')
    """,
    """
    CREATE TABLE interactions (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        contact_id uuid NOT NULL,
        kind text NOT NULL,
        direction text NOT NULL,
        result text NOT NULL,
        start_time timestamptz NOT NULL,
        duration interval NOT NULL,
        text text NOT NULL,
        next_follow_up_id uuid,
        author_id text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE INDEX interactions_by_contact ON interactions (contact_id, start_time, id)
    INCLUDE (kind, direction, result)
    """,
    """
    CREATE INDEX interactions_met ON interactions (contact_id, start_time) WHERE result = 'reached'
    """,
    # `start_local`, `exceptions` and `cursor_local` are what the clock of the zone shows.
    """
    CREATE TABLE series (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        title text NOT NULL,
        type text NOT NULL,
        contact_ids uuid[] NOT NULL,
        assignee_ids uuid[] NOT NULL,
        duration interval NOT NULL,
        description text NOT NULL DEFAULT '',
        category text NOT NULL DEFAULT '',
        team_id uuid,
        time_zone text NOT NULL,
        rrule text,
        start_local timestamp,
        exceptions timestamp[],
        counts_from text,
        days integer,
        clock time,
        message jsonb,
        segment_id uuid,
        paused boolean NOT NULL DEFAULT false,
        cursor_local timestamp,
        cursor_passed integer,
        since timestamptz NOT NULL,
        due_time timestamptz,
        previous_series_id uuid,
        creator_id text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        update_time timestamptz NOT NULL DEFAULT now(),
        CHECK ((rrule IS NULL) <> (days IS NULL))
    )
    """,
    "CREATE INDEX series_due ON series (due_time) WHERE due_time IS NOT NULL",
    "CREATE INDEX series_by_create ON series (create_time, id)",
    "CREATE INDEX series_by_contact ON series USING gin (contact_ids)",
    "CREATE INDEX series_by_assignee ON series USING gin (assignee_ids)",
    # Occurrences that somebody deleted: they are not planned again. One to many has no contact.
    """
    CREATE TABLE series_skips (
        series_id uuid NOT NULL REFERENCES series ON DELETE CASCADE,
        recurrence_time timestamptz NOT NULL,
        contact_id uuid,
        UNIQUE NULLS NOT DISTINCT (series_id, recurrence_time, contact_id)
    )
    """,
    # The message of a follow-up to each of its contacts. One that waits is tried at try_time,
    # which a claim puts off by its lease.
    """
    CREATE TABLE deliveries (
        follow_up_id uuid NOT NULL REFERENCES follow_ups (id) ON DELETE CASCADE,
        contact_id uuid NOT NULL,
        state text NOT NULL DEFAULT 'waiting',
        reason text NOT NULL DEFAULT '',
        rule text NOT NULL DEFAULT '',
        message_id uuid,
        claim bigint NOT NULL DEFAULT 0,
        tries integer NOT NULL DEFAULT 0,
        revision bigint NOT NULL DEFAULT 0,
        due_time timestamptz NOT NULL,
        try_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (follow_up_id, contact_id)
    )
    """,
    "CREATE INDEX deliveries_due ON deliveries (try_time) WHERE state = 'waiting'",
    "CREATE INDEX deliveries_by_contact ON deliveries (contact_id)",
    """
    CREATE INDEX deliveries_taken ON deliveries (contact_id) WHERE state IN ('sent', 'delivered')
    """,
    "CREATE SEQUENCE delivery_claims",
    # Follow-ups whose segment is not resolved yet: how far they are, and who is at it.
    """
    CREATE TABLE resolutions (
        follow_up_id uuid PRIMARY KEY REFERENCES follow_ups (id) ON DELETE CASCADE,
        try_time timestamptz NOT NULL,
        cursor bigint NOT NULL DEFAULT 0,
        claim bigint NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX resolutions_due ON resolutions (try_time)",
    # One follow-up for each of many contacts: how far it is, and who is at it. `cursor` counts the
    # contacts that are done with, in the order of their ids; `try_time` is that of a running one.
    """
    CREATE TABLE follow_up_batches (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        title text NOT NULL,
        type text NOT NULL,
        contact_ids uuid[] NOT NULL,
        segment_id uuid,
        assign_to_owner boolean NOT NULL,
        assignee_ids uuid[] NOT NULL,
        start_time timestamptz NOT NULL,
        end_time timestamptz NOT NULL CHECK (end_time >= start_time),
        time_zone text NOT NULL,
        description text NOT NULL DEFAULT '',
        category text NOT NULL DEFAULT '',
        team_id uuid,
        state text NOT NULL DEFAULT 'running',
        contact_count bigint NOT NULL DEFAULT 0,
        made_count bigint NOT NULL DEFAULT 0,
        left_out_count bigint NOT NULL DEFAULT 0,
        cursor bigint NOT NULL DEFAULT 0,
        claim bigint NOT NULL DEFAULT 0,
        try_time timestamptz NOT NULL DEFAULT now(),
        creator_id text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        update_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX follow_up_batches_due ON follow_up_batches (try_time) WHERE state = 'running'",
    "CREATE INDEX follow_up_batches_by_create ON follow_up_batches (create_time, id)",
    # Of a team, or of the organisation without one. `intervals` are [[1, "08:00", "17:30"]] by
    # weekday, `holidays` {"2026-09-02": "a name"}.
    """
    CREATE TABLE working_hours (
        team_id uuid UNIQUE NULLS NOT DISTINCT,
        revision bigint NOT NULL,
        zone text NOT NULL,
        intervals jsonb NOT NULL,
        holidays jsonb NOT NULL,
        update_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE notes (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        contact_id uuid NOT NULL,
        text text NOT NULL,
        author_id text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        update_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX notes_by_contact ON notes (contact_id, create_time, id)",
    # One index, by contact: those of an import come in the order of their contacts, and the few
    # of one contact are sorted when they are read.
    """
    CREATE TABLE facts (
        contact_id uuid NOT NULL,
        id uuid NOT NULL,
        time timestamptz NOT NULL,
        kind text NOT NULL,
        resource_id text NOT NULL,
        actor text NOT NULL DEFAULT '',
        details jsonb NOT NULL DEFAULT '{}',
        version text NOT NULL,
        PRIMARY KEY (contact_id, id)
    )
    """,
    """
    CREATE TABLE feeds (
        id uuid PRIMARY KEY,
        owner_id uuid NOT NULL,
        name text NOT NULL,
        types text[] NOT NULL,
        token_hash bytea NOT NULL UNIQUE,
        create_time timestamptz NOT NULL DEFAULT now(),
        last_read_time timestamptz,
        content_etag text NOT NULL DEFAULT '',
        change_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX feeds_by_owner ON feeds (owner_id, id)",
)


def upgrade() -> None:
    chassis_tables(op)
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP SEQUENCE delivery_claims")
    for table in (
        "feeds",
        "facts",
        "notes",
        "series_skips",
        "series",
        "interactions",
        "working_hours",
        "follow_up_batches",
        "resolutions",
        "deliveries",
        "follow_ups",
        "contacts",
    ):
        op.execute(f"DROP TABLE {table}")
    drop_chassis_tables(op)
