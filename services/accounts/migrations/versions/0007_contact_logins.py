"""Logins of customers: their sessions, codes, invitations, and the messages that carry them."""

from alembic import op

revision = "0007"
down_revision = "0006"

_TABLES = (
    """
    CREATE TABLE contact_logins (
        id uuid PRIMARY KEY,
        revision bigint NOT NULL,
        contact_id uuid NOT NULL UNIQUE,
        display_name text NOT NULL,
        name_key text COLLATE "C" NOT NULL,
        language text NOT NULL,
        channel smallint NOT NULL,
        address text NOT NULL,
        address_key text UNIQUE,
        state text NOT NULL,
        problem text NOT NULL DEFAULT '',
        password_hash text NOT NULL DEFAULT '',
        invite_time timestamptz,
        last_sign_in_time timestamptz,
        create_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX contact_logins_by_name ON contact_logins (name_key, id)",
    """
    CREATE TABLE contact_sessions (
        id uuid PRIMARY KEY,
        login_id uuid NOT NULL REFERENCES contact_logins (id) ON DELETE CASCADE,
        secret_hash bytea NOT NULL UNIQUE,
        proof text NOT NULL,
        user_agent text NOT NULL,
        ip text NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now(),
        last_use_time timestamptz NOT NULL DEFAULT now(),
        expire_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX contact_sessions_by_login ON contact_sessions (login_id)",
    "CREATE INDEX contact_sessions_by_use ON contact_sessions (last_use_time)",
    """
    CREATE TABLE contact_codes (
        login_id uuid PRIMARY KEY REFERENCES contact_logins (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        code_hash bytea NOT NULL,
        tries integer NOT NULL DEFAULT 0,
        expire_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX contact_codes_by_expiry ON contact_codes (expire_time)",
    """
    CREATE TABLE contact_invitations (
        id uuid PRIMARY KEY,
        login_id uuid NOT NULL REFERENCES contact_logins (id) ON DELETE CASCADE,
        secret_hash bytea NOT NULL UNIQUE,
        expire_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX contact_invitations_by_login ON contact_invitations (login_id)",
    "CREATE INDEX contact_invitations_by_expiry ON contact_invitations (expire_time)",
    """
    CREATE TABLE contact_letters (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        recipient text NOT NULL,
        state text NOT NULL DEFAULT 'waiting',
        reason text NOT NULL DEFAULT '',
        attempts integer NOT NULL DEFAULT 0,
        next_time timestamptz NOT NULL DEFAULT now(),
        create_time timestamptz NOT NULL DEFAULT now(),
        link_id uuid,
        sealed_words bytea,
        message_id uuid
    )
    """,
    """
    CREATE UNIQUE INDEX contact_letters_waiting ON contact_letters (kind, recipient)
        WHERE state = 'waiting'
    """,
    "CREATE INDEX contact_letters_due ON contact_letters (next_time) WHERE state = 'waiting'",
    "CREATE INDEX contact_letters_by_time ON contact_letters (create_time)",
    """
    CREATE TABLE deleted_contacts (
        contact_id uuid PRIMARY KEY,
        time timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX deleted_contacts_by_time ON deleted_contacts (time)",
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "deleted_contacts",
        "contact_letters",
        "contact_invitations",
        "contact_codes",
        "contact_sessions",
        "contact_logins",
    ):
        op.execute(f"DROP TABLE {table}")
