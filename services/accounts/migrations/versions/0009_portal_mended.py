"""Codes belong to the browser that asked; logins remember what they were signed in with before.

The table of codes of before stays for replicas of the release before.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE contact_logins ADD COLUMN former_keys text[] NOT NULL DEFAULT '{}'")
    op.execute("""
        CREATE TABLE contact_browser_codes (
            login_id uuid NOT NULL REFERENCES contact_logins (id) ON DELETE CASCADE,
            browser_hash bytea NOT NULL,
            id uuid NOT NULL,
            code_hash bytea NOT NULL,
            tries integer NOT NULL DEFAULT 0,
            expire_time timestamptz NOT NULL,
            PRIMARY KEY (login_id, browser_hash)
        )
    """)
    op.execute(
        "CREATE INDEX contact_browser_codes_by_expiry ON contact_browser_codes (expire_time)"
    )


def downgrade() -> None:
    op.execute("DROP TABLE contact_browser_codes")
    op.execute("ALTER TABLE contact_logins DROP COLUMN former_keys")
