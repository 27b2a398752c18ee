"""Imports: files, their progress, the ledger of their rows, and what dry runs would make."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables of imports."""
    for statement in _TABLES.values():
        op.execute(statement)
    op.execute("CREATE INDEX imports_created ON imports (create_time DESC, id DESC)")
    op.execute("CREATE INDEX imports_open ON imports (lease_until) WHERE state IN (2, 4)")
    op.execute(
        "CREATE UNIQUE INDEX imports_request ON imports (creator, request_id) "
        "WHERE request_id <> ''"
    )


def downgrade() -> None:
    """Drops them."""
    for table in reversed(_TABLES):
        op.execute(f"DROP TABLE {table}")


_TABLES = {
    "imports": """
    CREATE TABLE imports (
        id uuid PRIMARY KEY,
        state smallint NOT NULL,
        file_name text NOT NULL,
        file_size bigint NOT NULL,
        shape text NOT NULL,
        encoding text NOT NULL,
        delimiter text NOT NULL,
        has_header boolean NOT NULL,
        columns text[] NOT NULL,
        fields text[] NOT NULL,
        samples jsonb NOT NULL,
        source_id uuid,
        consent jsonb,
        tags text[] NOT NULL DEFAULT '{}',
        dry_run boolean NOT NULL DEFAULT false,
        total_rows bigint NOT NULL DEFAULT 0,
        rows bigint NOT NULL DEFAULT 0,
        created bigint NOT NULL DEFAULT 0,
        updated bigint NOT NULL DEFAULT 0,
        skipped bigint NOT NULL DEFAULT 0,
        rejected bigint NOT NULL DEFAULT 0,
        failure text NOT NULL DEFAULT '',
        creator text NOT NULL,
        request_id text NOT NULL DEFAULT '',
        lease_until timestamptz,
        fence bigint NOT NULL DEFAULT 0,
        create_time timestamptz NOT NULL,
        end_time timestamptz
    )
    """,
    # Bytes as they came, so that an import can be resumed by any replica.
    "import_file_parts": """
    CREATE TABLE import_file_parts (
        import_id uuid NOT NULL,
        ordinal integer NOT NULL,
        data bytea NOT NULL,
        PRIMARY KEY (import_id, ordinal)
    )
    """,
    # The file's rows up to `last`, a batch in arrays of one length: told of by the million, they
    # are read by the page. A row is counted once because a batch is written with the import's own
    # row locked.
    "import_rows": """
    CREATE TABLE import_rows (
        import_id uuid NOT NULL,
        last bigint NOT NULL,
        outcomes smallint[] NOT NULL,
        fields text[] NOT NULL,
        reasons text[] NOT NULL,
        details text[] NOT NULL,
        contact_ids uuid[] NOT NULL,
        PRIMARY KEY (import_id, last)
    )
    """,
    # What was said before is not said again: a row that was applied once is skipped.
    "import_prints": """
    CREATE TABLE import_prints (
        print uuid PRIMARY KEY,
        contact_id uuid NOT NULL,
        import_id uuid NOT NULL
    )
    """,
    "import_shadows": """
    CREATE TABLE import_shadows (
        import_id uuid NOT NULL,
        contact_id uuid NOT NULL,
        row json NOT NULL,
        PRIMARY KEY (import_id, contact_id)
    )
    """,
    "import_shadow_keys": """
    CREATE TABLE import_shadow_keys (
        import_id uuid NOT NULL,
        kind text NOT NULL,
        key text NOT NULL,
        contact_id uuid NOT NULL,
        PRIMARY KEY (import_id, kind, key, contact_id)
    )
    """,
}
