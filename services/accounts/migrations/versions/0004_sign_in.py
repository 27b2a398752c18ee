"""Second factors, challenges, links to choose a password, and the mails that carry them."""

from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = (
    """
    CREATE TABLE second_factors (
        user_id uuid PRIMARY KEY REFERENCES users (id),
        sealed_secret bytea NOT NULL,
        last_step bigint NOT NULL DEFAULT 0,
        create_time timestamptz NOT NULL DEFAULT now(),
        confirm_time timestamptz
    )
    """,
    "CREATE INDEX second_factors_begun ON second_factors (create_time) WHERE confirm_time IS NULL",
    """
    CREATE TABLE recovery_codes (
        user_id uuid NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
        code_hash bytea NOT NULL,
        PRIMARY KEY (user_id, code_hash)
    )
    """,
    """
    CREATE TABLE sign_in_challenges (
        secret_hash bytea PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id),
        expire_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX sign_in_challenges_by_user ON sign_in_challenges (user_id)",
    "CREATE INDEX sign_in_challenges_by_expiry ON sign_in_challenges (expire_time)",
    """
    CREATE TABLE password_links (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id),
        kind text NOT NULL,
        secret_hash bytea NOT NULL UNIQUE,
        expire_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX password_links_by_user ON password_links (user_id)",
    "CREATE INDEX password_links_by_expiry ON password_links (expire_time)",
    """
    CREATE TABLE password_letters (
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
    CREATE UNIQUE INDEX password_letters_waiting ON password_letters (kind, recipient)
        WHERE state = 'waiting'
    """,
    "CREATE INDEX password_letters_due ON password_letters (next_time) WHERE state = 'waiting'",
    "CREATE INDEX password_letters_by_time ON password_letters (create_time)",
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "password_letters",
        "password_links",
        "sign_in_challenges",
        "recovery_codes",
        "second_factors",
    ):
        op.execute(f"DROP TABLE {table}")
