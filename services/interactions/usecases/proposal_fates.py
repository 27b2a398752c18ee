"""Takes the notifier's news of the letters of proposals, in any order, each once."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.proposals import fates
from services.interactions.domain.proposals.events import LetterKey
from services.interactions.domain.proposals.fates import News
from services.interactions.storage import proposal_letters, proposals
from services.interactions.usecases import proposal_errands, proposal_news

ACTOR = "notifier"


async def settle(session: AsyncSession, told: Mapping[LetterKey, Sequence[News]]) -> None:
    """Writes down what became of letters; of several news of one only the newest."""
    # In one order, so that two consumers never wait for each other.
    for key in sorted(told):
        await _one(session, key, max(told[key], key=lambda it: it.revision))


async def _one(session: AsyncSession, key: LetterKey, news: News) -> None:
    kept = await proposals.get(session, key.proposal_id, lock=True)
    held = await proposal_letters.find(session, key)
    if kept is None or held is None or news.revision <= held.revision:
        return
    await proposal_letters.tell(session, held.letter.id, news)
    # The news may be faster than the answer to who handed it over; then this is the answer.
    await proposal_errands.handed_over(session, held.letter, news.message_id)
    kept = await proposals.get(session, key.proposal_id, lock=True)
    if kept is None or kept.issue != key.issue:
        return
    found = fates.consequence(kept, key.kind, held.fate, news)
    if any(getattr(kept, name) != value for name, value in found.columns.items()):
        kept = await proposals.change(session, kept, found.columns)
    if found.happened is not None:
        await proposal_news.happened(session, kept, found.happened, news.reason, actor=ACTOR)
