"""The tables of leads, with the sources and life stages an organisation starts with."""

from alembic import op

from chassis.db.schema import chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates everything."""
    chassis_tables(op)
    for statement in (*_FUNCTIONS, *_CONTACTS, *_AROUND, *_CONSENTS, *_SALES, *_AUDIENCES):
        op.execute(statement)
    for statement in _SEEDS:
        op.execute(statement)


def downgrade() -> None:
    """Drops everything but the extensions."""
    for table in _TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION fold(text)")
    op.execute("DROP SEQUENCE reference_codes")
    drop_chassis_tables(op)


_TABLES = (
    *("audience_members", "audiences", "segments", "transaction_lines", "transactions"),
    *("consent_states", "consent_entries", "stage_changes", "contact_tombstones"),
    *("contact_imports", "contact_external_ids", "contact_addresses", "contacts"),
    *("life_stages", "source_costs", "sources"),
)

_FUNCTIONS = (
    "CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public",
    "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public",
    # unaccent() itself is only STABLE, because its dictionary could be altered; ours is not.
    # Every name is qualified, so that a restore or an index build finds it on any search_path.
    """
    CREATE FUNCTION fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
        SELECT lower(translate(
            public.unaccent('public.unaccent'::regdictionary, normalize($1, NFC)), 'đĐ', 'dD'
        ))
    $$
    """,
    "CREATE SEQUENCE reference_codes",
)

_CONTACTS = (
    # Sources and stages are never deleted, so foreign keys to them would only slow down imports.
    """
    CREATE TABLE contacts (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL,
        kind smallint NOT NULL,
        status smallint NOT NULL,
        lost_reason text NOT NULL DEFAULT '',
        life_stage_id uuid,
        score smallint NOT NULL DEFAULT 0,
        reference_code text NOT NULL,
        salutation text NOT NULL DEFAULT '',
        family_name text NOT NULL DEFAULT '',
        given_name text NOT NULL DEFAULT '',
        display_name text NOT NULL DEFAULT '',
        sort_key text COLLATE "C" NOT NULL,
        search_text text NOT NULL,
        phones jsonb NOT NULL DEFAULT '[]',
        emails jsonb NOT NULL DEFAULT '[]',
        phone text NOT NULL DEFAULT '',
        email text NOT NULL DEFAULT '',
        email_key text NOT NULL DEFAULT '',
        company text NOT NULL DEFAULT '',
        job_title text NOT NULL DEFAULT '',
        gender smallint NOT NULL DEFAULT 0,
        birth_year smallint NOT NULL DEFAULT 0,
        birth_month smallint NOT NULL DEFAULT 0,
        birth_day smallint NOT NULL DEFAULT 0,
        street text NOT NULL DEFAULT '',
        ward text NOT NULL DEFAULT '',
        province text NOT NULL DEFAULT '',
        postal_code text NOT NULL DEFAULT '',
        country_code text NOT NULL DEFAULT '',
        locale text NOT NULL,
        time_zone text NOT NULL,
        region text NOT NULL,
        preferred_channel smallint NOT NULL DEFAULT 0,
        source_id uuid,
        referred_by_contact_id uuid,
        owner_ids uuid[] NOT NULL DEFAULT '{}',
        team_id text NOT NULL DEFAULT '',
        tags text[] NOT NULL DEFAULT '{}',
        external_ids jsonb NOT NULL DEFAULT '[]',
        description text NOT NULL DEFAULT '',
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL,
        convert_time timestamptz,
        conversion smallint NOT NULL DEFAULT 1,
        passed_stage_ids uuid[] NOT NULL DEFAULT '{}'
    )
    """,
    # How common a word is decides between walking an order and asking the trigrams.
    "ALTER TABLE contacts ALTER COLUMN search_text SET STATISTICS 1000",
    "CREATE UNIQUE INDEX contacts_code ON contacts (lower(reference_code))",
    # Reports count from this index alone: the table is ten times as large.
    """
    CREATE INDEX contacts_created ON contacts (create_time DESC, id DESC)
    INCLUDE (status, conversion, source_id, owner_ids, team_id, passed_stage_ids)
    """,
    "CREATE INDEX contacts_updated ON contacts (update_time DESC, id DESC)",
    "CREATE INDEX contacts_name ON contacts (sort_key, id)",
    "CREATE INDEX contacts_status ON contacts (status, create_time DESC, id DESC)",
    "CREATE INDEX contacts_stage ON contacts (life_stage_id, create_time DESC, id DESC)",
    "CREATE INDEX contacts_source ON contacts (source_id, create_time DESC, id DESC)",
    """
    CREATE INDEX contacts_team ON contacts (team_id, create_time DESC, id DESC)
    WHERE team_id <> ''
    """,
    "CREATE INDEX contacts_owners ON contacts USING gin (owner_ids) WHERE owner_ids <> '{}'",
    "CREATE INDEX contacts_tags ON contacts USING gin (tags) WHERE tags <> '{}'",
    # What waits in its pending list is read by every search, 2 kB a contact, but merging it by the
    # ten thousand halves what the index costs: imports do that, the limit (kB) is for the rest.
    """
    CREATE INDEX contacts_search ON contacts USING gin (search_text gin_trgm_ops)
    WITH (gin_pending_list_limit = 65536)
    """,
)

_AROUND = (
    """
    CREATE TABLE contact_addresses (
        channel smallint NOT NULL,
        key text NOT NULL,
        contact_id uuid NOT NULL,
        PRIMARY KEY (channel, key, contact_id)
    )
    """,
    "CREATE INDEX contact_addresses_contact ON contact_addresses (contact_id)",
    """
    CREATE TABLE contact_external_ids (
        system text NOT NULL,
        external_id text NOT NULL,
        contact_id uuid NOT NULL,
        PRIMARY KEY (system, external_id)
    )
    """,
    "CREATE INDEX contact_external_ids_contact ON contact_external_ids (contact_id)",
    """
    CREATE TABLE contact_imports (
        import_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        PRIMARY KEY (import_id, contact_id)
    )
    """,
    # For who deletes or merges a contact: without it each such act reads every import's rows.
    "CREATE INDEX contact_imports_contact ON contact_imports (contact_id)",
    """
    CREATE TABLE contact_tombstones (
        contact_id uuid PRIMARY KEY,
        revision bigint NOT NULL,
        delete_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE life_stages (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        name text NOT NULL,
        position integer NOT NULL,
        color text NOT NULL DEFAULT '',
        probability smallint NOT NULL DEFAULT 0,
        implied_status smallint NOT NULL DEFAULT 0,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE UNIQUE INDEX life_stages_name ON life_stages (lower(name))",
    "CREATE INDEX life_stages_position ON life_stages (position, id)",
    """
    CREATE TABLE sources (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        name text NOT NULL,
        code text NOT NULL DEFAULT '',
        retire_time timestamptz,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE UNIQUE INDEX sources_name ON sources (lower(name)) WHERE retire_time IS NULL",
    """
    CREATE TABLE source_costs (
        id uuid PRIMARY KEY,
        source_id uuid NOT NULL REFERENCES sources,
        start_date date NOT NULL,
        end_date date NOT NULL CHECK (end_date > start_date),
        amount bigint NOT NULL CHECK (amount > 0),
        currency text NOT NULL,
        note text NOT NULL DEFAULT '',
        creator_id text NOT NULL,
        create_time timestamptz NOT NULL,
        revision bigint NOT NULL DEFAULT 1
    )
    """,
    "CREATE INDEX source_costs_start ON source_costs (start_date DESC, id DESC)",
    "CREATE UNIQUE INDEX sources_code ON sources (code) WHERE code <> ''",
    """
    CREATE TABLE stage_changes (
        id uuid PRIMARY KEY,
        contact_id uuid NOT NULL,
        from_life_stage_id uuid,
        to_life_stage_id uuid,
        from_status smallint NOT NULL,
        to_status smallint NOT NULL,
        actor text NOT NULL,
        reason text NOT NULL DEFAULT '',
        time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX stage_changes_contact ON stage_changes (contact_id, time DESC, id DESC)",
)

_CONSENTS = (
    # The ledger outlives its contact: registrations and refusals are to be kept. A row is what
    # was said at once: purposes and channels are bits (1 << number; bit 0 of purposes means all
    # but TRANSACTIONAL), so that a row of a file is one row here and not one for each scope.
    """
    CREATE TABLE consent_entries (
        contact_id uuid NOT NULL,
        record_time timestamptz NOT NULL,
        id uuid NOT NULL,
        advertiser_id uuid,
        purposes smallint NOT NULL,
        channels smallint NOT NULL,
        action smallint NOT NULL,
        time timestamptz NOT NULL,
        method text NOT NULL,
        evidence text NOT NULL,
        actor text NOT NULL,
        PRIMARY KEY (contact_id, record_time, id)
    )
    """,
    # What follows from the ledger: bit (purpose + 8 * (channel - 1)) says what is in force.
    """
    CREATE TABLE consent_states (
        contact_id uuid NOT NULL,
        advertiser_id uuid NOT NULL,
        given integer NOT NULL,
        PRIMARY KEY (contact_id, advertiser_id)
    )
    """,
)

_SALES = (
    """
    CREATE TABLE transactions (
        id uuid PRIMARY KEY,
        system text NOT NULL,
        external_id text NOT NULL,
        type smallint NOT NULL,
        contact_id uuid NOT NULL,
        contact_external_id text NOT NULL DEFAULT '',
        amount bigint NOT NULL,
        currency text NOT NULL,
        time timestamptz NOT NULL,
        shop text NOT NULL DEFAULT '',
        status text NOT NULL DEFAULT '',
        due_date date,
        paid_time timestamptz,
        is_sale boolean NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        update_time timestamptz NOT NULL DEFAULT now(),
        UNIQUE (system, external_id)
    )
    """,
    "CREATE INDEX transactions_contact ON transactions (contact_id, time DESC, id DESC)",
    "CREATE INDEX transactions_sales ON transactions (contact_id, time) WHERE is_sale",
    # What reports sum: 4 are returns, and who sent them back says by the status if they did not.
    """
    CREATE INDEX transactions_sums ON transactions (contact_id)
    INCLUDE (is_sale, currency, amount, status) WHERE is_sale OR type = 4
    """,
    """
    CREATE TABLE transaction_lines (
        transaction_id uuid NOT NULL REFERENCES transactions ON DELETE CASCADE,
        ordinal integer NOT NULL,
        product text NOT NULL,
        category text NOT NULL DEFAULT '',
        quantity integer NOT NULL,
        amount bigint NOT NULL,
        PRIMARY KEY (transaction_id, ordinal)
    )
    """,
)

_AUDIENCES = (
    """
    CREATE TABLE segments (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL,
        name text NOT NULL,
        description text NOT NULL DEFAULT '',
        definition jsonb NOT NULL,
        create_time timestamptz NOT NULL,
        update_time timestamptz NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX segments_name ON segments (lower(name))",
    """
    CREATE TABLE audiences (
        run_id uuid PRIMARY KEY,
        size bigint NOT NULL DEFAULT 0,
        freeze_time timestamptz NOT NULL
    )
    """,
    # A row holds a thousand people: one each costs ten times as much to write and to forget.
    """
    CREATE TABLE audience_members (
        run_id uuid NOT NULL,
        after_ordinal bigint NOT NULL,
        contact_ids uuid[] STORAGE EXTERNAL NOT NULL,
        PRIMARY KEY (run_id, after_ordinal)
    )
    """,
)

_SEEDS = (
    """
    INSERT INTO sources (id, name, code) VALUES
        ('01980000-0000-7000-8000-000000000001', 'Facebook', 'facebook'),
        ('01980000-0000-7000-8000-000000000002', 'Zalo', 'zalo'),
        ('01980000-0000-7000-8000-000000000003', 'Tờ rơi', 'flyer'),
        ('01980000-0000-7000-8000-000000000004', 'Website', 'website'),
        ('01980000-0000-7000-8000-000000000005', 'Sự kiện', 'event'),
        ('01980000-0000-7000-8000-000000000006', 'Giới thiệu', 'referral')
    """,
    """
    INSERT INTO life_stages (id, name, position, color, probability, implied_status) VALUES
        ('01980000-0000-7000-8000-000000000011', 'Mới lưu', 1, '#6b7280', 10, 1),
        ('01980000-0000-7000-8000-000000000012', 'Đã gặp', 2, '#2563eb', 25, 2),
        ('01980000-0000-7000-8000-000000000013', 'Đang trao đổi', 3, '#d97706', 50, 3),
        ('01980000-0000-7000-8000-000000000014', 'Đã chốt đơn', 4, '#16a34a', 100, 4),
        ('01980000-0000-7000-8000-000000000015', 'Khách thân thiết', 5, '#0d9488', 100, 4),
        ('01980000-0000-7000-8000-000000000016', 'Không thành', 6, '#dc2626', 0, 5)
    """,
)
