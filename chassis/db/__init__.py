"""PostgreSQL for a service: sessions, and the tables every service has."""

from chassis.db import audit, housekeeping, idempotency, inbox, outbox, paging
from chassis.db.migrate import revision_check, upgrade
from chassis.db.pool import Sessions, check, dispose, engine, opened, sessions

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
