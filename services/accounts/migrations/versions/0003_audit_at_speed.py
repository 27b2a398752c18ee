"""Rows of the chain say how they were hashed; its heads are kept; lists go by time.

The indexes of lists end with time and place instead of place alone, and services have one.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # The release before goes on writing rows of the first version.
    "ALTER TABLE audit_entries ADD COLUMN version smallint NOT NULL DEFAULT 1",
    """
    CREATE TABLE audit_heads (
        hour timestamptz PRIMARY KEY,
        sequence bigint NOT NULL,
        hash bytea NOT NULL,
        create_time timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "DROP INDEX audit_by_subject",
    "DROP INDEX audit_by_actor",
    "DROP INDEX audit_by_action",
    "DROP INDEX audit_by_time",
    "CREATE INDEX audit_by_time ON audit_entries (time, sequence)",
    "CREATE INDEX audit_by_subject ON audit_entries (subject_type, subject_id, time, sequence)",
    "CREATE INDEX audit_by_actor ON audit_entries (actor_id, time, sequence)",
    "CREATE INDEX audit_by_action ON audit_entries (action, time, sequence)",
    "CREATE INDEX audit_by_service ON audit_entries (service, time, sequence)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX audit_by_service")
    for name, columns in (
        ("subject", "subject_type, subject_id, sequence"),
        ("actor", "actor_id, sequence"),
        ("action", "action, sequence"),
        ("time", "time"),
    ):
        op.execute(f"DROP INDEX audit_by_{name}")
        op.execute(f"CREATE INDEX audit_by_{name} ON audit_entries ({columns})")
    op.execute("DROP TABLE audit_heads")
    op.execute("ALTER TABLE audit_entries DROP COLUMN version")
