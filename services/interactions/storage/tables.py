"""The tables of interactions."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

_time = DateTime(timezone=True)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("owner_ids", ARRAY(Uuid), nullable=False),
    Column("team_id", Uuid),
    Column("open_lead", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("next_follow_up_id", Uuid),
    Column("next_follow_up_time", _time),
    Column("last_interaction_time", _time),
    Column("last_interaction_kind", Text, nullable=False),
)

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("contact_id", Uuid),
    Column("contact_count", Integer, nullable=False),
    Column("segment_id", Uuid),
    Column("series_id", Uuid),
    Column("recurrence_time", _time),
    Column("message", JSONB(none_as_null=True)),
    Column("progress", JSONB(none_as_null=True)),
    Column("assignee_ids", ARRAY(Uuid), nullable=False),
    Column("start_time", _time, nullable=False),
    Column("end_time", _time, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("team_id", Uuid),
    Column("creator_id", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
    Column("close_time", _time),
)

interactions = Table(
    "interactions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("contact_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("start_time", _time, nullable=False),
    Column("duration", Interval, nullable=False),
    Column("text", Text, nullable=False),
    Column("next_follow_up_id", Uuid),
    Column("author_id", Text, nullable=False),
    Column("create_time", _time, nullable=False),
)

series = Table(
    "series",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("contact_ids", ARRAY(Uuid), nullable=False),
    Column("assignee_ids", ARRAY(Uuid), nullable=False),
    Column("duration", Interval, nullable=False),
    Column("description", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("team_id", Uuid),
    Column("time_zone", Text, nullable=False),
    Column("rrule", Text),
    Column("start_local", DateTime),
    Column("exceptions", ARRAY(DateTime)),
    Column("days", Integer),
    Column("clock", Time),
    Column("paused", Boolean, nullable=False),
    Column("cursor_local", DateTime),
    Column("cursor_passed", Integer),
    Column("since", _time, nullable=False),
    Column("due_time", _time),
    Column("previous_series_id", Uuid),
    Column("creator_id", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("follow_up_id", Uuid, primary_key=True),
    Column("contact_id", Uuid, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("message_id", Uuid),
    Column("claim", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("due_time", _time, nullable=False),
    Column("try_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
)

notes = Table(
    "notes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("contact_id", Uuid, nullable=False),
    Column("text", Text, nullable=False),
    Column("author_id", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("contact_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("time", _time, nullable=False),
    Column("kind", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("version", Text, nullable=False),
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("types", ARRAY(Text), nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("last_read_time", _time),
    Column("content_etag", Text, nullable=False),
    Column("change_time", _time, nullable=False),
)
