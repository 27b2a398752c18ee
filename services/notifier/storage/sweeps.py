"""Whether time alone has something to move: receipts, claims that lapsed, runs that ended."""

from dataclasses import dataclass

from chassis.db import Sessions, look


@dataclass(frozen=True)
class Due:
    """What a sweep would find."""

    receipts: bool
    lapsed: bool
    runs: bool


async def due(sessions: Sessions) -> Due:
    """Looks, in one statement, whether there is anything to sweep; locks nothing."""
    return Due(*(await look(sessions, _DUE) or (False, False, False)))


_DUE = """
    SELECT
        EXISTS (SELECT 1 FROM receipts WHERE applied_at IS NULL) AS receipts,
        EXISTS (SELECT 1 FROM claims WHERE lease_until < clock_timestamp()) AS lapsed,
        EXISTS (SELECT 1 FROM runs WHERE busy AND (state IN ('CANCELLED', 'EXPIRED')
                OR not_after <= now())) AS runs
"""
