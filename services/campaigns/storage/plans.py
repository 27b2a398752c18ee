"""How PostgreSQL is to go about statements on recipients, whatever its statistics say."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def by_index(session: AsyncSession) -> None:
    """Have the statements of this transaction go through indexes, in their order.

    A partition that was just filled has no statistics: the database then takes a million rows for
    a handful, and reads and sorts them all for every batch.
    """
    await session.execute(_BY_INDEX)


_BY_INDEX = text("""
    SELECT set_config(name, 'off', true)
    FROM (VALUES ('enable_seqscan'), ('enable_bitmapscan'), ('enable_hashjoin'),
                 ('enable_mergejoin')) AS settings (name)
""")
