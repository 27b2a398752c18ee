"""PostgreSQL for a service: sessions, and the tables every service has."""

from chassis.db import audit, idempotency, inbox, outbox, paging
from chassis.db.engine import Sessions, check, dispose, engine, opened, sessions
from chassis.db.housekeeping import housekeeping
from chassis.db.migrate import revision_check, upgrade

__all__ = [
    "Sessions",
    "audit",
    "check",
    "dispose",
    "engine",
    "housekeeping",
    "idempotency",
    "inbox",
    "opened",
    "outbox",
    "paging",
    "revision_check",
    "sessions",
    "upgrade",
]
