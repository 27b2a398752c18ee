"""What became of a proposal's e-mail after the notifier took it reaches the proposal."""

from typing import Any

import pytest
from crm.interactions.v1 import proposal_service_pb2 as pb2

from services.interactions.workers import proposals as workers
from tests.integration.interactions.proposal_parts import Desk, tell, token

pytestmark = pytest.mark.timeout(300)


async def last(desk: Desk, proposal: Any) -> tuple[str, str, str]:
    request = pb2.ListProposalEventsRequest(proposal_id=proposal.id, page_size=1)
    (event,) = (await desk.proposals().ListProposalEvents(request)).events
    return event.kind, event.text, event.actor


class TestNews:
    async def test_what_came_back_is_told_once_and_old_news_change_nothing(
        self, desk: Desk
    ) -> None:
        sent = await desk.sent()
        await tell(desk, "ACCEPTED", 3)
        quiet = await desk.get(sent.id)
        for revision in (5, 6):
            await tell(desk, "BOUNCED", revision, "MAILBOX_DISABLED")
        await tell(desk, "ACCEPTED", 4)

        told = await desk.get(sent.id)
        assert quiet.send_failure == ""
        assert (told.send_failure, told.send_failure_reason) == ("bounced", "MAILBOX_DISABLED")
        assert await desk.state(sent.id) == "SENT"
        assert await desk.history(sent.id) == ["sent", "bounced"]
        assert await last(desk, sent) == ("bounced", "MAILBOX_DISABLED", "notifier")

        await desk.link().SeeProposal(pb2.SeeProposalRequest(token=token(sent), issue=1))
        assert (await desk.get(sent.id)).send_failure == ""  # by another way it did arrive

    async def test_they_may_be_faster_than_the_answer_to_who_handed_it_over(
        self, desk: Desk
    ) -> None:
        made = (await desk.send(await desk.draft())).proposal
        async with desk.sessions.begin() as session:
            (letter,) = await workers.proposal_letters.claim(session, 9, workers._LEASE)
        await desk.mail.send(letter)
        await tell(desk, "IN_DOUBT", 2, "ANSWER_LOST")
        doubted = await desk.get(made.id)

        await workers.hand_over(desk.sessions, desk.mail, letter)
        await tell(desk, "DELIVERED", 3)

        assert (doubted.send_failure, doubted.send_failure_reason) == ("in_doubt", "ANSWER_LOST")
        assert (await desk.get(made.id)).send_failure == ""
        assert await desk.history(made.id) == ["sent", "in_doubt", "went"]
        assert await desk.state(made.id) == "SENT"
