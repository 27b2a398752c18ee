"""Refusals that nobody wrote: requests for consent that were not answered in time."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.rulebook import RequestRule
from services.notifier.domain.rules import Rules
from services.notifier.domain.states import Purpose
from services.notifier.storage import caps, claims, consent_requests
from services.notifier.usecases import suppress


async def take_silence_for_one(session: AsyncSession, rules: Rules, limit: int) -> int:
    """Suppresses advertising to whom was asked for consent and did not answer in time.

    Returns how many; `limit` means that there may be more.
    """
    times = [it.answer_hours for it in rules.book.rules if isinstance(it, RequestRule)]
    if not times:
        return 0
    after = timedelta(hours=max(times)) + caps.SLACK
    silent = await consent_requests.unanswered(session, after, limit)
    for it in silent:
        made = suppress.made(
            channel=it.channel,
            address=it.address_key,
            reason="no answer",
            evidence=f"consent request {it.message_id}",
            now=await claims.now(session),
            actor="notifier",
        )
        purpose = int(Purpose.MARKETING)
        await suppress.add(session, replace(made, advertiser_id=it.advertiser_id, purpose=purpose))
    return len(silent)
