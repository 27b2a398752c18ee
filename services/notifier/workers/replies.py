"""Acts on what people write back by SMS: a word of refusal suppresses, before it is answered."""

from datetime import UTC, datetime

import structlog

from chassis.db import Sessions
from services.notifier.channels.smpp import pdu
from services.notifier.domain import addresses, replies
from services.notifier.domain.states import Channel
from services.notifier.usecases import suppress
from services.notifier.usecases.gating import Standards

log = structlog.get_logger(__name__)


class Replies:
    """Its `hear` returns once a refusal is committed, and raises when it could not be."""

    def __init__(self, sessions: Sessions, standards: Standards) -> None:
        self._sessions = sessions
        self._standards = standards

    async def hear(self, reply: pdu.ReplyIn) -> None:
        """Suppresses the number if the text refuses; the same again changes nothing."""
        word = replies.refusal(reply.text)
        number = addresses.normalised(Channel.SMS, reply.number)
        if word is None or number is None:
            log.info("sms_reply_is_no_refusal")
            return
        async with self._sessions.begin() as session:
            stored = await suppress.refuse_by_sms(
                session, number, reply.to, word, datetime.now(UTC), self._standards
            )
        log.info("sms_refusal_heard", suppression_id=str(stored.id))
