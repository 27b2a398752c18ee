"""The tables of accounts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

_time = DateTime(timezone=True)

roles = Table(
    "roles",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text(collation="C"), nullable=False),
    Column("rights", JSONB, nullable=False),
    Column("builtin", Boolean, nullable=False),
    Column("hidden_fields", ARRAY(Text), nullable=False),
    Column("create_time", _time, nullable=False),
)

teams = Table(
    "teams",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text(collation="C"), nullable=False),
    Column("create_time", _time, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("name_key", Text(collation="C"), nullable=False),
    Column("role_id", Uuid, nullable=False),
    Column("team_id", Uuid),
    Column("locale", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("last_sign_in_time", _time),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("ip", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("last_use_time", _time, nullable=False),
    Column("expire_time", _time, nullable=False),
)

api_clients = Table(
    "api_clients",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text(collation="C"), nullable=False),
    Column("rights", JSONB, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("last_use_time", _time),
    Column("expire_time", _time),
    Column("requests_per_minute", Integer, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("secret_create_time", _time),
    Column("secret_last_use_time", _time),
    Column("previous_secret_hash", LargeBinary),
    Column("previous_create_time", _time),
    Column("previous_last_use_time", _time),
    Column("previous_expire_time", _time),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_time", _time, nullable=False),
    Column("blocked_until", _time, nullable=False),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("confirm_time", _time),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
)

sign_in_challenges = Table(
    "sign_in_challenges",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("expire_time", _time, nullable=False),
)

password_links = Table(
    "password_links",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("expire_time", _time, nullable=False),
)

oidc_sign_ins = Table(
    "oidc_sign_ins",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expire_time", _time, nullable=False),
)

oidc_identities = Table(
    "oidc_identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("create_time", _time, nullable=False),
)

contact_logins = Table(
    "contact_logins",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("contact_id", Uuid, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("name_key", Text(collation="C"), nullable=False),
    Column("language", Text, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("address_key", Text),
    Column("state", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("invite_time", _time),
    Column("last_sign_in_time", _time),
    Column("create_time", _time, nullable=False),
    Column("former_keys", ARRAY(Text), nullable=False),
)

contact_sessions = Table(
    "contact_sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("login_id", Uuid, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("proof", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("ip", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("last_use_time", _time, nullable=False),
    Column("expire_time", _time, nullable=False),
)

contact_browser_codes = Table(
    "contact_browser_codes",
    metadata,
    Column("login_id", Uuid, primary_key=True),
    Column("browser_hash", LargeBinary, primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("code_hash", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("expire_time", _time, nullable=False),
)

contact_invitations = Table(
    "contact_invitations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("login_id", Uuid, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("expire_time", _time, nullable=False),
)

deleted_contacts = Table(
    "deleted_contacts",
    metadata,
    Column("contact_id", Uuid, primary_key=True),
    Column("time", _time, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("sealed_private", LargeBinary, nullable=False),
    Column("sign_from", _time, nullable=False),
    Column("sign_until", _time, nullable=False),
    Column("publish_until", _time, nullable=False),
)

audit_keys = Table(
    "audit_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("sealed_key", LargeBinary),
    Column("create_time", _time, nullable=False),
    Column("destroy_time", _time),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("time", _time, nullable=False),
    Column("service", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("acting_service", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("key_id", Uuid),
    Column("sealed", LargeBinary),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("version", SmallInteger, nullable=False),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("hour", _time, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("create_time", _time, nullable=False),
)
