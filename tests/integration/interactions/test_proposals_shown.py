"""What of a proposal is shown to whom: its link, and what the reader's role hides."""

from uuid import uuid4

import pytest
from crm.interactions.v1 import proposal_pb2
from crm.interactions.v1 import proposal_service_pb2 as pb2

from chassis.context import Principal
from tests.integration.interactions.proposal_parts import Desk

pytestmark = pytest.mark.timeout(300)


def reading(write: str = "none") -> Principal:
    """Somebody who reads all proposals and writes fewer."""
    rights = {"proposals": {"read": "all", "write": write}}
    return Principal(str(uuid4()), "user", rights=rights)


async def listed(desk: Desk, who: Principal) -> dict[str, str]:
    """The links in a list, by proposal."""
    found = await desk.proposals(who).ListProposals(pb2.ListProposalsRequest())
    return {it.id: it.link for it in found.proposals}


class TestLink:
    async def test_whoever_only_reads_does_not_get_it(self, desk: Desk) -> None:
        sent = await desk.sent()

        for reader in (reading(), reading("own"), reading("team")):
            assert (await desk.get(sent.id, reader)).link == ""
            assert await listed(desk, reader) == {sent.id: ""}

    async def test_whoever_writes_this_one_gets_it_and_that_of_no_other(self, desk: Desk) -> None:
        me = reading("own")
        mine, other = await desk.sent(owner_id=me.subject), await desk.sent()

        assert (await desk.get(mine.id, me)).link == mine.link != ""
        assert await listed(desk, me) == {mine.id: mine.link, other.id: ""}

    async def test_whoever_gives_it_away_does_not_get_it_any_more(self, desk: Desk) -> None:
        me = reading("own")
        mine = await desk.sent(owner_id=me.subject)
        draft = await desk.proposals(me).ReviseProposal(pb2.ReviseProposalRequest(id=mine.id))
        given = proposal_pb2.Proposal(id=mine.id, owner_id=str(uuid4()))

        after = await desk.proposals(me).UpdateProposal(pb2.UpdateProposalRequest(proposal=given))

        assert (draft.link, after.link) == (mine.link, "")
