"""What of a proposal is shown to whom: its link, and what the reader's role hides."""

import io
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pypdf
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


def blind(desk: Desk, *hidden: str) -> Principal:
    """Somebody who reads all proposals, but not these fields of contacts."""
    fields = frozenset(f"contacts.{it}" for it in hidden)
    made = replace(reading(), hidden=fields)
    desk.leads.blind.add(made.subject)
    return made


async def printed(desk: Desk, proposal: Any, who: Principal) -> str:
    """The text of its PDF."""
    request = pb2.GetProposalPdfRequest(id=proposal.id)
    pdf = await desk.proposals(who).GetProposalPdf(request)
    pages = pypdf.PdfReader(io.BytesIO(pdf.data)).pages
    return "\n".join(page.extract_text() for page in pages).replace("\u200b", "")


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


class TestPdf:
    @pytest.mark.parametrize("hidden", ["emails", "phones"])
    async def test_of_what_was_sent_it_leaves_out_what_its_reader_may_not_read(
        self, desk: Desk, hidden: str
    ) -> None:
        desk.template = await desk.write("Mẫu", "Ngày {{ date }}, thư {{ email }}, {{ total }}")
        sent = await desk.sent(contact_id=desk.contact().id)
        await desk.run("UPDATE proposals SET send_time = '2026-02-03 05:00Z'")

        whole = await printed(desk, sent, reading())
        veiled = await printed(desk, sent, blind(desk, hidden))

        assert "thư dao@example.vn, 1.188.000" in whole
        assert "dao@" not in veiled
        for part in ("Ngày 03/02/2026", "1.188.000", sent.number, "Nguyễn Thị Đào"):
            assert part in veiled, part

    async def test_a_hidden_birthday_is_none_of_its_texts(self, desk: Desk) -> None:
        desk.template = await desk.write("Mẫu", "thư {{ email }}")
        sent = await desk.sent(contact_id=desk.contact().id)

        assert "thư dao@example.vn" in await printed(desk, sent, blind(desk, "birthday"))

    async def test_one_that_went_to_an_address_only_is_printed_all_the_same(
        self, desk: Desk
    ) -> None:
        sent = await desk.sent()

        assert sent.number in await printed(desk, sent, blind(desk, "emails"))
