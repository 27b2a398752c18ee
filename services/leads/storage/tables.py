"""The tables of leads as SQLAlchemy Core sees them; the migrations make them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

_TIME = DateTime(timezone=True)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger),
    Column("kind", SmallInteger),
    Column("status", SmallInteger),
    Column("lost_reason", Text),
    Column("life_stage_id", Uuid),
    Column("score", SmallInteger),
    Column("reference_code", Text),
    Column("salutation", Text),
    Column("family_name", Text),
    Column("given_name", Text),
    Column("display_name", Text),
    Column("sort_key", Text(collation="C")),
    Column("search_text", Text),
    Column("phones", JSONB),
    Column("emails", JSONB),
    Column("phone", Text),
    Column("email", Text),
    Column("email_key", Text),
    Column("company", Text),
    Column("job_title", Text),
    Column("gender", SmallInteger),
    Column("birth_year", SmallInteger),
    Column("birth_month", SmallInteger),
    Column("birth_day", SmallInteger),
    Column("street", Text),
    Column("ward", Text),
    Column("province", Text),
    Column("postal_code", Text),
    Column("country_code", Text),
    Column("locale", Text),
    Column("time_zone", Text),
    Column("region", Text),
    Column("preferred_channel", SmallInteger),
    Column("source_id", Uuid),
    Column("referred_by_contact_id", Uuid),
    Column("owner_ids", ARRAY(Uuid)),
    Column("team_id", Text),
    Column("tags", ARRAY(Text)),
    Column("external_ids", JSONB),
    Column("description", Text),
    Column("create_time", _TIME),
    Column("update_time", _TIME),
    Column("convert_time", _TIME),
    Column("conversion", SmallInteger),
    Column("passed_stage_ids", ARRAY(Uuid)),
)

contact_addresses = Table(
    "contact_addresses",
    metadata,
    Column("channel", SmallInteger, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("contact_id", Uuid, primary_key=True),
)

contact_external_ids = Table(
    "contact_external_ids",
    metadata,
    Column("system", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("contact_id", Uuid),
)

contact_imports = Table(
    "contact_imports",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("contact_id", Uuid, primary_key=True),
)

contact_tombstones = Table(
    "contact_tombstones",
    metadata,
    Column("contact_id", Uuid, primary_key=True),
    Column("revision", BigInteger),
    Column("delete_time", _TIME),
)

life_stages = Table(
    "life_stages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger),
    Column("name", Text),
    Column("position", Integer),
    Column("color", Text),
    Column("probability", SmallInteger),
    Column("implied_status", SmallInteger),
    Column("create_time", _TIME),
)

sources = Table(
    "sources",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger),
    Column("name", Text),
    Column("code", Text),
    Column("retire_time", _TIME),
    Column("create_time", _TIME),
)

source_costs = Table(
    "source_costs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source_id", Uuid),
    Column("start_date", Date),
    Column("end_date", Date),
    Column("amount", BigInteger),
    Column("currency", Text),
    Column("note", Text),
    Column("creator_id", Text),
    Column("create_time", _TIME),
    Column("revision", BigInteger),
)

stage_changes = Table(
    "stage_changes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("contact_id", Uuid),
    Column("from_life_stage_id", Uuid),
    Column("to_life_stage_id", Uuid),
    Column("from_status", SmallInteger),
    Column("to_status", SmallInteger),
    Column("actor", Text),
    Column("reason", Text),
    Column("time", _TIME),
)

consent_entries = Table(
    "consent_entries",
    metadata,
    Column("contact_id", Uuid, primary_key=True),
    Column("record_time", _TIME, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("advertiser_id", Uuid),
    Column("purposes", SmallInteger),
    Column("channels", SmallInteger),
    Column("action", SmallInteger),
    Column("time", _TIME),
    Column("method", Text),
    Column("evidence", Text),
    Column("actor", Text),
)

consent_states = Table(
    "consent_states",
    metadata,
    Column("contact_id", Uuid, primary_key=True),
    Column("advertiser_id", Uuid, primary_key=True),
    Column("given", Integer),
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("system", Text),
    Column("external_id", Text),
    Column("type", SmallInteger),
    Column("contact_id", Uuid),
    Column("contact_external_id", Text),
    Column("amount", BigInteger),
    Column("currency", Text),
    Column("time", _TIME),
    Column("shop", Text),
    Column("status", Text),
    Column("due_date", Date),
    Column("paid_time", _TIME),
    Column("is_sale", Boolean),
    Column("create_time", _TIME),
    Column("update_time", _TIME),
)

transaction_lines = Table(
    "transaction_lines",
    metadata,
    Column("transaction_id", Uuid, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("product", Text),
    Column("category", Text),
    Column("quantity", Integer),
    Column("amount", BigInteger),
)

segments = Table(
    "segments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger),
    Column("name", Text),
    Column("description", Text),
    Column("definition", JSONB),
    Column("create_time", _TIME),
    Column("update_time", _TIME),
)

audiences = Table(
    "audiences",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("size", BigInteger),
    Column("freeze_time", _TIME),
)

audience_members = Table(
    "audience_members",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("after_ordinal", BigInteger, primary_key=True),
    Column("contact_ids", ARRAY(Uuid)),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("state", SmallInteger),
    Column("file_name", Text),
    Column("file_size", BigInteger),
    Column("shape", Text),
    Column("encoding", Text),
    Column("delimiter", Text),
    Column("has_header", Boolean),
    Column("columns", ARRAY(Text), key="columns_"),
    Column("fields", ARRAY(Text)),
    Column("samples", JSONB),
    Column("source_id", Uuid),
    Column("consent", JSONB),
    Column("tags", ARRAY(Text)),
    Column("dry_run", Boolean),
    Column("total_rows", BigInteger),
    Column("rows", BigInteger),
    Column("created", BigInteger),
    Column("updated", BigInteger),
    Column("skipped", BigInteger),
    Column("rejected", BigInteger),
    Column("failure", Text),
    Column("creator", Text),
    Column("request_id", Text),
    Column("lease_until", _TIME),
    Column("fence", BigInteger),
    Column("create_time", _TIME),
    Column("end_time", _TIME),
)

import_rows = Table(
    "import_rows",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("last", BigInteger, primary_key=True),
    Column("outcomes", ARRAY(SmallInteger)),
    Column("fields", ARRAY(Text)),
    Column("reasons", ARRAY(Text)),
    Column("details", ARRAY(Text)),
    Column("contact_ids", ARRAY(Uuid)),
)
