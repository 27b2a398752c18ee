"""Sign-ins begun at an OpenID provider, and who users are there."""

from alembic import op

revision = "0005"
down_revision = "0004"

_TABLES = (
    """
    CREATE TABLE oidc_sign_ins (
        state_hash bytea PRIMARY KEY,
        sealed bytea NOT NULL,
        expire_time timestamptz NOT NULL
    )
    """,
    "CREATE INDEX oidc_sign_ins_by_expiry ON oidc_sign_ins (expire_time)",
    """
    CREATE TABLE oidc_identities (
        issuer text NOT NULL,
        subject text NOT NULL,
        user_id uuid NOT NULL REFERENCES users (id),
        create_time timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (issuer, subject),
        UNIQUE (user_id, issuer)
    )
    """,
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in ("oidc_identities", "oidc_sign_ins"):
        op.execute(f"DROP TABLE {table}")
