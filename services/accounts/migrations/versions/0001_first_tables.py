"""Identities, rights, sessions, keys and the audit chain."""

from alembic import op

from chassis.db.schema import chassis_tables, drop_chassis_tables

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE roles (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        name text NOT NULL,
        name_key text COLLATE "C" NOT NULL UNIQUE,
        rights jsonb NOT NULL,
        builtin boolean NOT NULL DEFAULT false,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE teams (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        name text NOT NULL,
        name_key text COLLATE "C" NOT NULL UNIQUE,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE users (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 1,
        email text NOT NULL,
        email_key text NOT NULL UNIQUE,
        display_name text NOT NULL,
        name_key text COLLATE "C" NOT NULL,
        role_id uuid NOT NULL REFERENCES roles (id),
        team_id uuid REFERENCES teams (id),
        locale text NOT NULL,
        time_zone text NOT NULL,
        active boolean NOT NULL DEFAULT true,
        password_hash text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        last_sign_in_time timestamptz
    )
    """,
    "CREATE INDEX users_by_name ON users (name_key, id)",
    "CREATE INDEX users_by_role ON users (role_id) WHERE active",
    """
    CREATE TABLE sessions (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id),
        secret_hash bytea NOT NULL UNIQUE,
        user_agent text NOT NULL,
        ip text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        last_use_time timestamptz NOT NULL DEFAULT now(),
        expire_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX sessions_by_user ON sessions (user_id, id)",
    "CREATE INDEX sessions_by_expiry ON sessions (expire_time)",
    """
    CREATE TABLE api_clients (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        name_key text COLLATE "C" NOT NULL,
        rights jsonb NOT NULL,
        secret_hash bytea NOT NULL,
        active boolean NOT NULL DEFAULT true,
        create_time timestamptz NOT NULL DEFAULT now(),
        last_use_time timestamptz,
        expire_time timestamptz
    )
    """,
    "CREATE INDEX api_clients_by_name ON api_clients (name_key, id)",
    """
    CREATE TABLE sign_in_failures (
        key text PRIMARY KEY,
        failures integer NOT NULL,
        last_time timestamptz NOT NULL,
        blocked_until timestamptz NOT NULL
    )
    """,
    "CREATE INDEX sign_in_failures_by_time ON sign_in_failures (last_time)",
    """
    CREATE TABLE signing_keys (
        kid text PRIMARY KEY,
        public bytea NOT NULL,
        sealed_private bytea NOT NULL,
        sign_from timestamptz NOT NULL,
        sign_until timestamptz NOT NULL,
        publish_until timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE audit_keys (
        id uuid PRIMARY KEY,
        subject_type text NOT NULL,
        subject_id text NOT NULL,
        sealed_key bytea,
        create_time timestamptz NOT NULL DEFAULT now(),
        destroy_time timestamptz
    )
    """,
    """
    CREATE UNIQUE INDEX audit_keys_in_use ON audit_keys (subject_type, subject_id)
        WHERE destroy_time IS NULL
    """,
    """
    CREATE TABLE audit_entries (
        sequence bigint PRIMARY KEY,
        id text NOT NULL UNIQUE,
        time timestamptz NOT NULL,
        service text NOT NULL,
        actor_id text NOT NULL,
        actor_kind text NOT NULL,
        acting_service text NOT NULL,
        action text NOT NULL,
        subject_type text NOT NULL,
        subject_id text NOT NULL,
        request_id text NOT NULL,
        key_id uuid REFERENCES audit_keys (id),
        sealed bytea,
        previous_hash bytea NOT NULL,
        hash bytea NOT NULL
    )
    """,
    "CREATE INDEX audit_by_subject ON audit_entries (subject_type, subject_id, sequence)",
    "CREATE INDEX audit_by_actor ON audit_entries (actor_id, sequence)",
    "CREATE INDEX audit_by_action ON audit_entries (action, sequence)",
    "CREATE INDEX audit_by_time ON audit_entries (time)",
)


def upgrade() -> None:
    chassis_tables(op)
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "audit_entries",
        "audit_keys",
        "signing_keys",
        "sign_in_failures",
        "api_clients",
        "sessions",
        "users",
        "teams",
        "roles",
    ):
        op.execute(f"DROP TABLE {table}")
    drop_chassis_tables(op)
