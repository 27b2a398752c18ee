"""Messages and all that decides about them."""

from alembic import op

from chassis.db.schema import chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    chassis_tables(op)
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in _NAMES:
        op.execute(f"DROP TABLE {table}")
    drop_chassis_tables(op)


_NAMES = (
    "run_totals",
    "past_messages",
    "gone_days",
    "doubt_marks",
    "doubt_deeds",
    "parts",
    "receipts",
    "complaints",
    "attempts",
    "claims",
    "ready",
    "messages",
    "cursors",
    "message_keys",
    "control_heartbeats",
    "confirmations",
    "consent_requests",
    "cap_runs",
    "caps",
    "agreements",
    "do_not_call",
    "do_not_call_lists",
    "provider_sessions",
    "regained",
    "suppressions",
    "suppression_version",
    "runs",
    "contents",
    "attachments",
    "providers",
    "sender_identities",
    "advertisers",
)

# States are the numbers of crm.notifier.v1.MessageState; tests hold the two together.
_TABLES = (
    """
    CREATE TABLE advertisers (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        name text NOT NULL,
        postal_address text NOT NULL,
        contact text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE UNIQUE INDEX advertisers_name ON advertisers (lower(name))",
    """
    CREATE TABLE sender_identities (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        advertiser_id uuid NOT NULL REFERENCES advertisers (id),
        channel smallint NOT NULL,
        address text NOT NULL,
        display_name text NOT NULL DEFAULT '',
        reply_to text NOT NULL DEFAULT '',
        expires_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE UNIQUE INDEX sender_identities_address
        ON sender_identities (advertiser_id, channel, lower(address))
    """,
    """
    CREATE TABLE providers (
        name text PRIMARY KEY,
        channel smallint NOT NULL,
        address text NOT NULL,
        max_per_second integer NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE provider_sessions (
        provider text NOT NULL,
        worker text NOT NULL,
        connected boolean NOT NULL,
        trouble text NOT NULL DEFAULT '',
        seen_at timestamptz NOT NULL,
        PRIMARY KEY (provider, worker)
    )
    """,
    """
    CREATE TABLE contents (
        hash text PRIMARY KEY,
        channel smallint NOT NULL,
        subject text NOT NULL,
        html text NOT NULL,
        body text NOT NULL,
        variables text[] NOT NULL,
        attachments jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE attachments (
        hash text PRIMARY KEY,
        data bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE runs (
        run_id uuid PRIMARY KEY,
        run_date date NOT NULL,
        epoch bigint NOT NULL,
        state text NOT NULL CHECK (state IN ('ACTIVE', 'PAUSED', 'CANCELLED', 'EXPIRED')),
        channel smallint NOT NULL,
        purpose smallint NOT NULL,
        weight integer NOT NULL DEFAULT 1,
        max_per_second integer NOT NULL DEFAULT 0,
        not_after timestamptz,
        campaign_id uuid,
        advertiser_id uuid,
        sender_identity_id uuid,
        content_hash text,
        variables text[] NOT NULL DEFAULT '{}',
        last_seq bigint NOT NULL DEFAULT 0,
        busy boolean NOT NULL DEFAULT false,
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX runs_busy ON runs (channel) WHERE busy",
    "CREATE INDEX runs_date ON runs (run_date)",
    # Apart from runs, so that a claim never waits for the intake of the same run.
    """
    CREATE TABLE cursors (
        run_id uuid PRIMARY KEY,
        claimed_to bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50)
    """,
    # No index and no index's predicate names a column that changes on a message's usual way:
    # each of its two updates is then one heap tuple, and no index is written again.
    # The newest attempt stands in the row; earlier ones are moved to attempts.
    """
    CREATE TABLE messages (
        run_date date NOT NULL,
        message_id uuid NOT NULL,
        seq bigint NOT NULL DEFAULT 0,
        run_id uuid,
        contact_id uuid,
        channel smallint NOT NULL,
        purpose smallint NOT NULL,
        patient boolean NOT NULL DEFAULT false,
        advertiser_id uuid NOT NULL,
        sender_identity_id uuid,
        content_hash text,
        address text NOT NULL,
        address_key text NOT NULL,
        time_zone text NOT NULL DEFAULT '',
        locale text NOT NULL DEFAULT '',
        values text[] NOT NULL DEFAULT '{}',
        state smallint NOT NULL DEFAULT 1,
        reason text NOT NULL DEFAULT '',
        rule text NOT NULL DEFAULT '',
        revision bigint NOT NULL DEFAULT 1,
        not_before timestamptz,
        not_after timestamptz,
        doubt_since timestamptz,
        claim bigint NOT NULL DEFAULT 0,
        attempts integer NOT NULL DEFAULT 0,
        provider text NOT NULL DEFAULT '',
        worker text NOT NULL DEFAULT '',
        attempt_started_at timestamptz,
        attempt_ended_at timestamptz,
        attempt_outcome smallint,
        answer text NOT NULL DEFAULT '',
        provider_reference text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (message_id, run_date)
    ) PARTITION BY LIST (run_date)
    """,
    "CREATE INDEX messages_run ON messages (run_id, seq) WHERE run_id IS NOT NULL",
    "CREATE INDEX messages_address ON messages (address_key, created_at)",
    """
    CREATE INDEX messages_contact ON messages (contact_id, created_at)
        WHERE contact_id IS NOT NULL
    """,
    """
    CREATE INDEX messages_doubt ON messages (doubt_since, message_id)
        WHERE doubt_since IS NOT NULL
    """,
    # Who waits out of order: messages without a run, deferred ones and those that came back.
    """
    CREATE TABLE ready (
        message_id uuid NOT NULL,
        run_date date NOT NULL,
        run_id uuid,
        channel smallint NOT NULL,
        due_at timestamptz NOT NULL,
        patient boolean NOT NULL DEFAULT false,
        PRIMARY KEY (message_id, run_date)
    ) WITH (autovacuum_vacuum_scale_factor = 0.02)
    """,
    "CREATE INDEX ready_run ON ready (run_id, due_at) WHERE run_id IS NOT NULL",
    # Of those without a run, the patient ones wait for all others.
    "CREATE INDEX ready_single ON ready (channel, patient, due_at) WHERE run_id IS NULL",
    # What a worker holds: a range of a run's line, or messages by their ids.
    """
    CREATE TABLE claims (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id uuid,
        run_date date,
        from_seq bigint,
        to_seq bigint,
        ids uuid[],
        dates date[],
        worker text NOT NULL,
        lease_until timestamptz NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0.02)
    """,
    "CREATE INDEX claims_run ON claims (run_id)",
    """
    CREATE TABLE attempts (
        run_date date NOT NULL,
        message_id uuid NOT NULL,
        number integer NOT NULL,
        provider text NOT NULL,
        worker text NOT NULL,
        started_at timestamptz NOT NULL,
        ended_at timestamptz,
        outcome smallint,
        answer text NOT NULL DEFAULT '',
        provider_reference text NOT NULL DEFAULT '',
        PRIMARY KEY (message_id, run_date, number)
    ) PARTITION BY LIST (run_date)
    """,
    """
    CREATE TABLE parts (
        run_date date NOT NULL,
        message_id uuid NOT NULL,
        number integer NOT NULL,
        part smallint NOT NULL,
        parts smallint NOT NULL,
        provider text NOT NULL,
        reference text NOT NULL,
        state smallint NOT NULL DEFAULT 8,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (message_id, run_date, number, part)
    ) PARTITION BY LIST (run_date)
    """,
    "CREATE INDEX parts_reference ON parts (provider, reference)",
    """
    CREATE TABLE receipts (
        provider text NOT NULL,
        reference text NOT NULL,
        state smallint NOT NULL,
        message_id uuid,
        reason text NOT NULL DEFAULT '',
        detail text NOT NULL DEFAULT '',
        received_at timestamptz NOT NULL DEFAULT now(),
        applied_at timestamptz,
        PRIMARY KEY (provider, reference, state)
    )
    """,
    # Who called a mail unwanted, once a message.
    """
    CREATE TABLE complaints (
        message_id uuid PRIMARY KEY,
        run_date date NOT NULL,
        run_id uuid,
        what text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX receipts_waiting ON receipts (received_at) WHERE applied_at IS NULL",
    "CREATE INDEX receipts_message ON receipts (message_id) WHERE message_id IS NOT NULL",
    # What was done about doubts, by whom and why; a mark says which messages it was done to.
    """
    CREATE TABLE doubt_deeds (
        id uuid PRIMARY KEY,
        actor text NOT NULL,
        act smallint NOT NULL,
        reason text NOT NULL,
        count integer NOT NULL,
        message_id uuid,
        filter bytea NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE doubt_marks (
        run_date date NOT NULL,
        message_id uuid NOT NULL,
        deed_id uuid NOT NULL,
        PRIMARY KEY (message_id, run_date, deed_id)
    ) PARTITION BY LIST (run_date)
    """,
    # Days whose partitions were taken away; none is made for them again, and without a default
    # partition nothing of them can be inserted: whatever of theirs comes again is not sent again.
    """
    CREATE TABLE gone_days (
        run_date date PRIMARY KEY,
        detached_at timestamptz NOT NULL DEFAULT now(),
        dropped_at timestamptz
    )
    """,
    # What stays of a message then: no content, and the address by its key alone.
    """
    CREATE TABLE past_messages (
        run_date date NOT NULL,
        message_id uuid NOT NULL,
        seq bigint NOT NULL,
        run_id uuid,
        contact_id uuid,
        channel smallint NOT NULL,
        purpose smallint NOT NULL,
        advertiser_id uuid NOT NULL,
        address_key text NOT NULL,
        state smallint NOT NULL,
        reason text NOT NULL,
        rule text NOT NULL,
        revision bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (message_id, run_date)
    ) PARTITION BY RANGE (run_date)
    """,
    "CREATE INDEX past_messages_address ON past_messages (address_key, created_at)",
    """
    CREATE INDEX past_messages_contact ON past_messages (contact_id, created_at)
        WHERE contact_id IS NOT NULL
    """,
    """
    CREATE TABLE run_totals (
        run_id uuid NOT NULL,
        run_date date NOT NULL,
        state smallint NOT NULL,
        reason text NOT NULL,
        rule text NOT NULL,
        messages bigint NOT NULL,
        PRIMARY KEY (run_id, state, reason, rule)
    )
    """,
    "CREATE INDEX run_totals_date ON run_totals (run_date)",
    """
    CREATE TABLE message_keys (
        subject text NOT NULL,
        request_id text NOT NULL,
        request_hash bytea NOT NULL,
        message_id uuid NOT NULL,
        run_date date NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (subject, request_id)
    )
    """,
    "CREATE INDEX message_keys_message ON message_keys (message_id)",
    "CREATE INDEX message_keys_created ON message_keys (created_at)",
    """
    CREATE TABLE suppression_version (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        version bigint NOT NULL
    )
    """,
    "INSERT INTO suppression_version (version) VALUES (0)",
    # No advertiser (every one) is the zero UUID and no purpose 0, so that the key holds.
    """
    CREATE TABLE suppressions (
        id uuid PRIMARY KEY,
        version bigint NOT NULL,
        channel smallint NOT NULL,
        address text NOT NULL,
        address_key text NOT NULL,
        advertiser_id uuid NOT NULL,
        purpose smallint NOT NULL,
        reason text NOT NULL,
        evidence text NOT NULL DEFAULT '',
        contact_id uuid,
        actor text NOT NULL DEFAULT '',
        expires_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (address_key, channel, advertiser_id, purpose)
    )
    """,
    "CREATE INDEX suppressions_version ON suppressions (version)",
    # What somebody agreed to after having withdrawn it: exceptions from older withdrawals.
    """
    CREATE TABLE regained (
        address_key text NOT NULL,
        channel smallint NOT NULL,
        advertiser_id uuid NOT NULL,
        purpose smallint NOT NULL,
        given_at timestamptz NOT NULL,
        evidence text NOT NULL,
        PRIMARY KEY (address_key, channel, advertiser_id, purpose)
    )
    """,
    # Whose refusal was confirmed.
    """
    CREATE TABLE confirmations (
        address_key text NOT NULL,
        channel smallint NOT NULL,
        advertiser_id uuid NOT NULL,
        confirmed_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (address_key, channel, advertiser_id)
    )
    """,
    # Numbers that must not get advertising; a list without a time was never told to be complete.
    """
    CREATE TABLE do_not_call_lists (
        name text PRIMARY KEY,
        as_of timestamptz,
        entries bigint NOT NULL DEFAULT 0,
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE do_not_call (
        address_key text NOT NULL,
        list text NOT NULL REFERENCES do_not_call_lists,
        edition text NOT NULL DEFAULT '',
        added_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (address_key, list)
    )
    """,
    # What a person agreed with an advertiser instead of the law's numbers.
    """
    CREATE TABLE agreements (
        id uuid PRIMARY KEY,
        advertiser_id uuid NOT NULL REFERENCES advertisers,
        channel smallint NOT NULL,
        address text NOT NULL,
        address_key text NOT NULL,
        contact_id uuid,
        most integer,
        windows text[] NOT NULL DEFAULT '{}',
        evidence text NOT NULL,
        actor text NOT NULL,
        expires_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (address_key, advertiser_id, channel)
    )
    """,
    # What counts of an address, an entry a message that did not go straight to the wire; `address`
    # is its hash with the advertiser and the channel. Entries come in the order of their times.
    """
    CREATE TABLE caps (
        address bigint NOT NULL,
        message_id uuid NOT NULL,
        claim bigint NOT NULL,
        counted_at timestamptz NOT NULL
    ) WITH (autovacuum_analyze_scale_factor = 0.5)
    """,
    "CREATE INDEX caps_address ON caps (address)",
    "CREATE INDEX caps_counted ON caps USING brin (counted_at)",
    # Which runs sent for an advertiser through a channel, until when at the latest; messages of a
    # `straight` one count by their rows. The zero UUID is all messages without a run.
    """
    CREATE TABLE cap_runs (
        seed bigint NOT NULL,
        run_id uuid NOT NULL,
        run_date date NOT NULL,
        straight boolean NOT NULL,
        until timestamptz NOT NULL,
        PRIMARY KEY (seed, run_id)
    ) WITH (fillfactor = 50)
    """,
    # Who was asked for consent, ever.
    """
    CREATE TABLE consent_requests (
        address_key text NOT NULL,
        channel smallint NOT NULL,
        advertiser_id uuid NOT NULL,
        message_id uuid NOT NULL,
        claim bigint NOT NULL,
        asked_at timestamptz NOT NULL,
        settled_at timestamptz,
        PRIMARY KEY (address_key, channel)
    )
    """,
    """
    CREATE INDEX consent_requests_open ON consent_requests (asked_at) WHERE settled_at IS NULL
    """,
    """
    CREATE TABLE control_heartbeats (
        service text PRIMARY KEY,
        told_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL
    )
    """,
)
