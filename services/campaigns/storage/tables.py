"""The tables of campaigns, as the migrations made them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
)
from sqlalchemy import Text as T
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as U

metadata = MetaData()

_TIME = DateTime(timezone=True)

contents = Table(
    "contents",
    metadata,
    Column("hash", T, primary_key=True),
    Column("channel", T),
    Column("subject", T),
    Column("html", T),
    Column("text", T),
    Column("variables", ARRAY(T)),
    Column("attachments", JSONB),
)

attachments = Table(
    "attachments",
    metadata,
    Column("hash", T, primary_key=True),
    Column("data", LargeBinary),
)

templates = Table(
    "templates",
    metadata,
    Column("id", U, primary_key=True),
    Column("revision", BigInteger),
    Column("name", T),
    Column("channel", T),
    Column("subject", T),
    Column("html", T),
    Column("text", T),
    Column("markup", T),
    Column("variables", ARRAY(T)),
    Column("content_hash", T),
    Column("attachments", JSONB),
    Column("create_time", _TIME),
    Column("update_time", _TIME),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", U, primary_key=True),
    Column("revision", BigInteger),
    Column("name", T),
    Column("channel", T),
    Column("purpose", T),
    Column("advertiser_id", U),
    Column("sender_identity_id", U),
    Column("template_id", U),
    Column("audience", JSONB),
    Column("not_after", _TIME),
    Column("max_per_second", Integer),
    Column("latest_run_id", U),
    Column("creator_id", T),
    Column("team_id", U),
    Column("create_time", _TIME),
    Column("update_time", _TIME),
)

runs = Table(
    "runs",
    metadata,
    Column("id", U, primary_key=True),
    Column("revision", BigInteger),
    Column("campaign_id", U),
    Column("run_date", Date),
    Column("epoch", BigInteger),
    Column("state", T),
    Column("resume_state", T),
    Column("channel", T),
    Column("purpose", T),
    Column("advertiser_id", U),
    Column("sender_identity_id", U),
    Column("content_hash", T),
    Column("variables", ARRAY(T)),
    Column("audience_query", JSONB),
    Column("not_after", _TIME),
    Column("max_per_second", Integer),
    Column("key", LargeBinary),
    Column("creator_id", T),
    Column("cursor", BigInteger),
    Column("audience", BigInteger),
    Column("planned", BigInteger),
    Column("excluded", JSONB),
    Column("regions", ARRAY(T)),
    Column("planner", T),
    Column("lease_until", _TIME),
    Column("fence", BigInteger),
    Column("create_time", _TIME),
    Column("plan_time", _TIME),
    Column("end_time", _TIME),
    Column("rows_gone_at", _TIME),
    Column("pause_reason", T),
    Column("complaints", BigInteger),
)

run_counters = Table(
    "run_counters",
    metadata,
    Column("run_id", U, primary_key=True),
    *(
        Column(name, BigInteger)
        for name in (
            "planned",
            "handed_over",
            "deferred",
            "skipped",
            "cancelled",
            "expired",
            "in_doubt",
            "accepted",
            "delivered",
            "bounced",
            "failed",
            "abandoned",
        )
    ),
)

run_regions = Table(
    "run_regions",
    metadata,
    Column("run_id", U, primary_key=True),
    Column("region", T, primary_key=True),
    Column("handed_to", BigInteger),
    Column("open", BigInteger),
)

recipients = Table(
    "recipients",
    metadata,
    Column("run_date", Date, primary_key=True),
    Column("run_id", U, primary_key=True),
    Column("contact_id", U, primary_key=True),
    Column("channel", T, primary_key=True),
    Column("ordinal", BigInteger),
    Column("message_id", U),
    Column("revision", BigInteger),
    Column("update_time", _TIME),
    Column("state", T),
    Column("before", T),
    Column("reason", T),
    Column("rule", T),
    Column("region", T),
    Column("address", T),
)

past_recipients = Table(
    "past_recipients",
    metadata,
    Column("contact_id", U, primary_key=True),
    Column("run_id", U, primary_key=True),
    Column("channel", T, primary_key=True),
    Column("run_date", Date),
    Column("state", T),
    Column("reason", T),
    Column("time", _TIME),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", U, primary_key=True),
    Column("run_id", U),
    Column("run_date", Date),
    Column("region", T),
    Column("from_ordinal", BigInteger),
    Column("to_ordinal", BigInteger),
    Column("size", Integer),
    Column("payload", LargeBinary),
    Column("thinned", Boolean),
    Column("epoch", BigInteger),
    Column("publications", Integer),
    Column("published_at", _TIME),
    Column("due_at", _TIME),
    Column("hand_time", _TIME),
)
