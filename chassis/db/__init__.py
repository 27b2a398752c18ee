"""PostgreSQL for a service: sessions, and the tables every service has."""

from chassis.db import arrays, audit, housekeeping, idempotency, inbox, outbox, paging
from chassis.db.migrate import revision_check, upgrade
from chassis.db.pool import (
    Sessions,
    allow,
    aside,
    check,
    dispose,
    driver,
    engine,
    fetch,
    look,
    opened,
    sessions,
)
from chassis.db.together import Answer, Ask, Rows, Together, ask, nothing

__all__ = [
    "Answer",
    "Ask",
    "Rows",
    "Sessions",
    "Together",
    "allow",
    "arrays",
    "aside",
    "ask",
    "audit",
    "check",
    "dispose",
    "driver",
    "engine",
    "fetch",
    "housekeeping",
    "idempotency",
    "inbox",
    "look",
    "nothing",
    "opened",
    "outbox",
    "paging",
    "revision_check",
    "sessions",
    "upgrade",
]
