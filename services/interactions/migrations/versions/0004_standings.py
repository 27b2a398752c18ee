"""Open leads in the order of their next follow-up, and of their last interaction."""

from alembic import op

revision = "0004"
down_revision = "0003"

_OPEN = "open_lead AND NOT deleted"
_PLANNED = "open_lead AND next_follow_up_id IS NOT NULL AND NOT deleted"
# Those without a next follow-up are in `contacts_idle_*`. As there, a person's, a team's and
# everybody's each have an index, and so have the few of which a person is not the first owner.
_INDEXES = (
    *(
        f"contacts_{order}_by_{name} ON contacts ({first}{column}, id) WHERE {which}"
        for order, column, which in (
            ("next", "next_follow_up_time", _PLANNED),
            ("last", "last_interaction_time", _OPEN),
        )
        for name, first in (("owner", "(owner_ids[1]), "), ("team", "team_id, "), ("time", ""))
    ),
    "contacts_open_shared ON contacts USING gin (owner_ids)"
    f" WHERE {_OPEN} AND cardinality(owner_ids) > 1",
)


def upgrade() -> None:
    for index in _INDEXES:
        op.execute(f"CREATE INDEX {index}")


def downgrade() -> None:
    for index in _INDEXES:
        op.execute(f"DROP INDEX {index.partition(' ')[0]}")
