"""To whom a refusal was confirmed: once, until they agree again and refuse again."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.states import Channel


async def first(
    session: AsyncSession, channel: Channel, address_key: str, advertiser_id: UUID
) -> bool:
    """Notes that a refusal is confirmed now; False when it was before. Locks the address."""
    given = {"channel": int(channel), "key": address_key, "advertiser_id": advertiser_id}
    return (await session.execute(_FIRST, given)).first() is not None


_FIRST = text("""
    INSERT INTO confirmations AS c (address_key, channel, advertiser_id)
    VALUES (:key, :channel, :advertiser_id)
    ON CONFLICT (address_key, channel, advertiser_id) DO UPDATE SET confirmed_at = now()
    WHERE EXISTS (SELECT 1 FROM regained g
                  WHERE g.address_key = c.address_key AND g.channel = c.channel
                    AND g.advertiser_id = c.advertiser_id AND g.given_at > c.confirmed_at)
    RETURNING 1
""")
