"""The tables of proposals."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.interactions.storage.tables import metadata

_time = DateTime(timezone=True)

templates = Table(
    "proposal_templates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("create_time", _time, nullable=False),
)

template_versions = Table(
    "proposal_template_versions",
    metadata,
    Column("template_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("blocks", JSONB, nullable=False),
    Column("author_id", Text, nullable=False),
    Column("update_time", _time, nullable=False),
)

proposals = Table(
    "proposals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("number", Text),
    Column("title", Text, nullable=False),
    Column("contact_id", Uuid),
    Column("address", Text, nullable=False),
    Column("recipient_name", Text, nullable=False),
    Column("template_id", Uuid, nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("totals", JSONB, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("expire_time", _time, nullable=False),
    Column("remind_days_before", Integer, nullable=False),
    Column("locale", Text, nullable=False),
    Column("owner_id", Uuid),
    Column("team_id", Uuid),
    Column("state", Text, nullable=False),
    Column("issue", Integer, nullable=False),
    Column("send_failure", Text, nullable=False),
    Column("send_failure_reason", Text, nullable=False),
    Column("message_id", Uuid),
    Column("answer_name", Text, nullable=False),
    Column("answer_reason", Text, nullable=False),
    Column("send_time", _time),
    Column("view_time", _time),
    Column("view_count", Integer, nullable=False),
    Column("last_view_time", _time),
    Column("answer_time", _time),
    Column("remind_time", _time),
    Column("document", JSONB(none_as_null=True)),
    Column("accepted_life_stage_id", Uuid),
    Column("stage_move", Text, nullable=False),
    Column("move_time", _time),
    Column("move_attempts", Integer, nullable=False),
    Column("creator_id", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
)

events = Table(
    "proposal_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("proposal_id", Uuid, nullable=False),
    Column("time", _time, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("issue", Integer, nullable=False),
    Column("text", Text, nullable=False),
)

letters = Table(
    "proposal_letters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("proposal_id", Uuid, nullable=False),
    Column("issue", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("advertiser_id", Uuid, nullable=False),
    Column("sender_identity_id", Uuid, nullable=False),
    Column("contact_id", Uuid),
    Column("not_after", _time, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_time", _time, nullable=False),
    Column("message_id", Uuid),
    Column("failure", Text, nullable=False),
    Column("fate", Text, nullable=False),
    Column("fate_revision", BigInteger, nullable=False),
)

pdfs = Table(
    "proposal_pdfs",
    metadata,
    Column("proposal_id", Uuid, primary_key=True),
    Column("issue", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

files = Table(
    "proposal_files",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

template_attachments = Table(
    "proposal_template_attachments",
    metadata,
    Column("template_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

attachments = Table(
    "proposal_attachments",
    metadata,
    Column("proposal_id", Uuid, primary_key=True),
    Column("issue", Integer, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)
