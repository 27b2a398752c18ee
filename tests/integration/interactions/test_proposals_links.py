"""What the holder of a link does: looks, accepts, declines, comments; and what is refused."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from crm.interactions.v1 import proposal_pb2
from crm.interactions.v1 import proposal_service_pb2 as pb2

from chassis import errors
from tests.integration.interactions.house import person
from tests.integration.interactions.proposal_parts import Desk, token
from tests.integration.serving import refused

pytestmark = pytest.mark.timeout(300)

ACCEPTED = proposal_pb2.PROPOSAL_STATE_ACCEPTED


async def show(desk: Desk, proposal: Any) -> Any:
    return await desk.link().OpenProposal(pb2.OpenProposalRequest(token=token(proposal)))


async def see(desk: Desk, proposal: Any, issue: int = 1) -> None:
    await desk.link().SeeProposal(pb2.SeeProposalRequest(token=token(proposal), issue=issue))


async def accept(desk: Desk, proposal: Any, name: str = "Nguyễn Thị Đào", issue: int = 1) -> Any:
    request = pb2.AcceptProposalRequest(token=token(proposal), issue=issue, name=name)
    return await desk.link().AcceptProposal(request)


async def decline(desk: Desk, proposal: Any, reason: str = "đắt", issue: int = 1) -> Any:
    request = pb2.DeclineProposalRequest(token=token(proposal), issue=issue, reason=reason)
    return await desk.link().DeclineProposal(request)


async def resent(desk: Desk, proposal: Any) -> Any:
    await desk.proposals().ReviseProposal(pb2.ReviseProposalRequest(id=proposal.id))
    await desk.send(proposal)
    await desk.work()
    return await desk.get(proposal.id)


class TestOpening:
    async def test_it_shows_what_was_sent_and_notes_nothing(self, desk: Desk) -> None:
        sent = await desk.sent(title="Báo giá <b>")

        shown = await show(desk, sent)

        assert (shown.number, shown.issue, shown.total) == (sent.number, 1, "1.188.000 ₫")
        assert "Báo giá &lt;b&gt;" in shown.html
        assert await desk.state(sent.id) == "SENT"
        assert await desk.history(sent.id) == ["sent"]

    async def test_what_was_sent_stays_whatever_becomes_of_its_template(self, desk: Desk) -> None:
        sent = await desk.sent()
        before = await show(desk, sent)
        blocks = [proposal_pb2.ProposalBlock(text="khác hẳn")]
        template = proposal_pb2.ProposalTemplate(id=sent.template_id, blocks=blocks)
        request = pb2.UpdateProposalTemplateRequest(template=template)
        await desk.templates().UpdateProposalTemplate(request)

        assert await show(desk, sent) == before

    async def test_a_link_that_is_none_of_ours_leads_nowhere(self, desk: Desk) -> None:
        draft = await desk.draft()
        unsent = desk.links.of(uuid4()).rpartition("/")[2]

        for wrong in ("", "x", unsent, desk.links.of(UUID(draft.id)).rpartition("/")[2], "é" * 43):
            with refused(errors.NotFound, "PROPOSAL_LINK_INVALID"):
                await desk.link().OpenProposal(pb2.OpenProposalRequest(token=wrong))

    async def test_only_who_may_see_all_passes_links_on(self, desk: Desk) -> None:
        sent = await desk.sent()

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await desk.link(person("own")).OpenProposal(pb2.OpenProposalRequest(token=token(sent)))

    async def test_the_pdf_is_made_once_and_stays(self, desk: Desk) -> None:
        sent = await desk.sent()
        ask = pb2.OpenProposalPdfRequest(token=token(sent))

        first, second = [await desk.link().OpenProposalPdf(ask) for _ in range(2)]

        assert first == second
        assert (first.data[:5], first.file_name) == (b"%PDF-", f"{sent.number}.pdf")
        assert await desk.rows("SELECT count(*) FROM proposal_pdfs") == [1]


class TestLooks:
    async def test_the_first_is_told_and_more_within_a_minute_count_once(self, desk: Desk) -> None:
        sent = await desk.sent()

        for _ in range(3):
            await see(desk, sent)

        kept = await desk.get(sent.id)
        assert (await desk.state(sent.id), kept.view_count) == ("VIEWED", 1)
        assert kept.view_time.seconds
        assert await desk.history(sent.id) == ["sent", "viewed"]
        assert await desk.told() == ["ProposalSent", "ProposalViewed"]

    async def test_one_of_what_is_over_or_was_sent_before_counts_nothing(self, desk: Desk) -> None:
        done, again = await desk.sent(), await desk.sent()
        await accept(desk, done)
        again = await resent(desk, again)

        await see(desk, done)
        await see(desk, again, issue=1)

        assert await desk.state(done.id) == "ACCEPTED"
        assert await desk.state(again.id) == "SENT"


class TestAnswers:
    async def test_it_is_accepted_by_name(self, desk: Desk) -> None:
        sent = await desk.sent()

        answer = await accept(desk, sent)

        kept = await desk.get(sent.id)
        assert (answer.state, answer.answer_name) == (ACCEPTED, "Nguyễn Thị Đào")
        assert kept.answer_time.seconds
        assert await desk.history(sent.id) == ["sent", "viewed", "accepted"]
        assert await desk.told() == ["ProposalSent", "ProposalViewed", "ProposalAccepted"]

    async def test_a_name_is_needed_and_nothing_is_kept_without(self, desk: Desk) -> None:
        sent = await desk.sent()

        for name in (" ", "x" * 121):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await accept(desk, sent, name)
            assert refusal.fields() == ["name"]

        assert await desk.state(sent.id) == "SENT"
        assert await desk.history(sent.id) == ["sent"]

    async def test_accepted_twice_it_is_accepted_once(self, desk: Desk) -> None:
        sent = await desk.sent()

        both = await asyncio.gather(*(accept(desk, sent) for _ in range(2)))

        assert both[0] == both[1]
        assert (await desk.told()).count("ProposalAccepted") == 1

    async def test_accepted_by_another_or_declined_afterwards_is_refused(self, desk: Desk) -> None:
        sent = await desk.sent()
        await accept(desk, sent)
        before = await desk.get(sent.id)

        for late in (accept(desk, sent, "Người khác"), decline(desk, sent)):
            with refused(errors.FailedPrecondition, "STATE_FORBIDS") as refusal:
                await late
            assert refusal.error.metadata["state"] == "accepted"

        assert await desk.get(sent.id) == before

    async def test_it_is_declined_with_a_reason(self, desk: Desk) -> None:
        sent = await desk.sent()

        await decline(desk, sent)
        await decline(desk, sent)

        kept = await desk.get(sent.id)
        assert (await desk.state(sent.id), kept.answer_reason) == ("DECLINED", "đắt")
        assert (await desk.told()).count("ProposalDeclined") == 1

    async def test_after_its_last_day_it_is_not_accepted_even_before_the_worker_came(
        self, desk: Desk
    ) -> None:
        sent = await desk.sent()
        await desk.pass_last_day(sent.id)

        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as before:
            await accept(desk, sent)
        await desk.work()
        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as after:
            await accept(desk, sent)

        states = [it.error.metadata["state"] for it in (before, after)]
        assert states == ["expired", "expired"]
        assert (await desk.get(sent.id)).answer_name == ""

    async def test_while_it_is_edited_it_is_not_accepted(self, desk: Desk) -> None:
        sent = await desk.sent()
        await desk.proposals().ReviseProposal(pb2.ReviseProposalRequest(id=sent.id))

        shown = await show(desk, sent)
        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as refusal:
            await accept(desk, sent)

        assert (shown.html, refusal.error.metadata["state"]) == ("", "draft")

    async def test_what_was_sent_again_is_not_accepted_as_it_was_read_before(
        self, desk: Desk
    ) -> None:
        sent = await desk.sent()
        again = await resent(desk, sent)

        with refused(errors.Aborted, "ETAG_STALE"):
            await accept(desk, sent, issue=1)
        answer = await accept(desk, again, issue=2)

        assert (again.link, again.number) == (sent.link, sent.number)
        assert answer.state == ACCEPTED

    async def test_a_withdrawn_one_is_not_accepted_and_not_shown(self, desk: Desk) -> None:
        sent = await desk.sent()
        await desk.proposals().WithdrawProposal(pb2.WithdrawProposalRequest(id=sent.id))

        shown = await show(desk, sent)
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await accept(desk, sent)
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await desk.link().OpenProposalPdf(pb2.OpenProposalPdfRequest(token=token(sent)))

        assert (shown.html, shown.title) == ("", "")

    async def test_accepted_and_edited_at_once_one_of_them_wins_whole(self, desk: Desk) -> None:
        sent = await desk.sent()
        revise = desk.proposals().ReviseProposal(pb2.ReviseProposalRequest(id=sent.id))

        done = await asyncio.gather(accept(desk, sent), revise, return_exceptions=True)

        assert sum(1 for it in done if isinstance(it, grpc.aio.AioRpcError)) == 1
        kept = await desk.get(sent.id)
        assert (await desk.state(sent.id), kept.answer_name) in (
            ("ACCEPTED", "Nguyễn Thị Đào"),
            ("DRAFT", ""),
        )

    async def test_an_answer_faster_than_the_notifiers_stays(self, desk: Desk) -> None:
        made = (await desk.send(await desk.draft())).proposal

        await accept(desk, made)
        await desk.work()

        assert await desk.state(made.id) == "ACCEPTED"
        assert (await desk.get(made.id)).message_id


class TestComments:
    async def test_one_is_kept_once_and_seen_by_who_sent_it(self, desk: Desk) -> None:
        sent = await desk.sent()
        request = pb2.CommentProposalRequest(
            token=token(sent), text="Giao khi nào?", request_id=str(uuid4())
        )

        for _ in range(2):
            await desk.link().CommentProposal(request)

        listed = await desk.proposals().ListProposalEvents(
            pb2.ListProposalEventsRequest(proposal_id=sent.id)
        )
        told = [(it.kind, it.actor, it.text) for it in listed.events]
        assert told[0] == ("commented", "customer", "Giao khi nào?")
        assert len(told) == 2

    async def test_a_flood_of_them_is_refused(self, desk: Desk) -> None:
        sent = await desk.sent()
        await desk.run(
            "INSERT INTO proposal_events (id, proposal_id, kind, actor, issue) "
            "SELECT gen_random_uuid(), :id, 'commented', 'customer', 1 FROM generate_series(1, 50)",
            id=sent.id,
        )

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await desk.link().CommentProposal(
                pb2.CommentProposalRequest(token=token(sent), text="x")
            )
