"""Files that go with proposals and their templates."""

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS = (
    # Each content once, by its SHA-256, as long as something below names it.
    """
    CREATE TABLE proposal_files (
        hash text PRIMARY KEY,
        data bytea NOT NULL
    )
    """,
    """
    CREATE TABLE proposal_template_attachments (
        template_id uuid NOT NULL,
        version integer NOT NULL,
        name text NOT NULL,
        media_type text NOT NULL,
        size bigint NOT NULL,
        hash text NOT NULL REFERENCES proposal_files,
        PRIMARY KEY (template_id, version, name),
        FOREIGN KEY (template_id, version) REFERENCES proposal_template_versions
    )
    """,
    "CREATE INDEX proposal_template_attachments_by_hash ON proposal_template_attachments (hash)",
    # Issue 0 is what a proposal has now; each sending keeps its own under its issue.
    """
    CREATE TABLE proposal_attachments (
        proposal_id uuid NOT NULL REFERENCES proposals ON DELETE CASCADE,
        issue integer NOT NULL,
        name text NOT NULL,
        media_type text NOT NULL,
        size bigint NOT NULL,
        hash text NOT NULL REFERENCES proposal_files,
        PRIMARY KEY (proposal_id, issue, name)
    )
    """,
    "CREATE INDEX proposal_attachments_by_hash ON proposal_attachments (hash)",
    # They are compressed already, nearly all of them.
    "ALTER TABLE proposal_files ALTER COLUMN data SET STORAGE EXTERNAL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE proposal_attachments")
    op.execute("DROP TABLE proposal_template_attachments")
    op.execute("DROP TABLE proposal_files")
