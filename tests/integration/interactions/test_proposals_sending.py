"""Sending: exactly once whatever dies in between, refusals seen, reminders, last days."""

import asyncio
from uuid import uuid4

import pytest
from crm.interactions.v1 import proposal_service_pb2 as pb2

from chassis import errors
from services.interactions.workers import proposals as workers
from tests.integration.interactions.house import person
from tests.integration.interactions.proposal_parts import Desk, day, token
from tests.integration.serving import refused

pytestmark = pytest.mark.timeout(300)


class TestSend:
    async def test_one_letter_goes_out_with_the_link_and_what_was_written(self, desk: Desk) -> None:
        made = await desk.draft(title="Báo giá <b>")

        answer = await desk.send(made, message="Xin mời & xem <i>")
        sending = answer.proposal
        await desk.work()
        await desk.work()

        sent = await desk.get(made.id)
        (request,) = desk.notifier.requests
        assert (request.address, request.advertiser_id != "") == ("khach@example.vn", True)
        assert request.request_id == f"proposal/{made.id}/1/invitation"
        assert sent.link in request.text
        assert sent.link in request.html
        assert "Xin mời &amp; xem &lt;i&gt;" in request.html
        assert "Xin mời & xem <i>" in request.text
        assert request.subject == f"Báo giá <b> – {sent.number}"
        assert (sending.issue, sending.number, sending.link) == (1, sent.number, sent.link)
        assert await desk.state(made.id) == "SENT"
        assert sent.message_id == desk.notifier.taken[request.request_id][0]
        assert await desk.history(made.id) == ["sent"]
        assert await desk.told() == ["ProposalSent"]

    async def test_the_same_request_sends_once(self, desk: Desk) -> None:
        made = await desk.draft()
        key = str(uuid4())

        both = [await desk.send(made, request_id=key) for _ in range(2)]
        await desk.work()

        assert both[0] == both[1]
        assert len(desk.notifier.taken) == 1

    async def test_two_who_send_at_once_send_once(self, desk: Desk) -> None:
        made = await desk.draft()

        done = await asyncio.gather(*(desk.send(made) for _ in range(2)), return_exceptions=True)
        await desk.work()

        assert sum(1 for it in done if isinstance(it, BaseException)) == 1
        assert len(desk.notifier.requests) == 1

    async def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_words(
        self, desk: Desk
    ) -> None:
        desk.notifier.loses_answers = 2
        made = (await desk.send(await desk.draft())).proposal

        for _ in range(3):
            await desk.work()
            await desk.run("UPDATE proposal_letters SET next_time = now()")

        assert len(desk.notifier.requests) == 3
        assert len(desk.notifier.taken) == 1
        assert await desk.state(made.id) == "SENT"

    async def test_a_worker_that_died_leaves_its_claim_to_the_next(self, desk: Desk) -> None:
        made = (await desk.send(await desk.draft())).proposal
        async with desk.sessions.begin() as session:
            (letter,) = await workers.proposal_letters.claim(session, 9, workers._LEASE)
        await desk.mail.send(letter)

        await desk.work()
        assert await desk.state(made.id) == "SENDING"
        await desk.run("UPDATE proposal_letters SET next_time = now()")
        await desk.work()

        assert await desk.state(made.id) == "SENT"
        assert len(desk.notifier.taken) == 1

    async def test_a_worker_that_was_overtaken_changes_nothing(self, desk: Desk) -> None:
        made = (await desk.send(await desk.draft())).proposal
        async with desk.sessions.begin() as session:
            (letter,) = await workers.proposal_letters.claim(session, 9, workers._LEASE)
        await workers.hand_over(desk.sessions, desk.mail, letter)
        before = await desk.get(made.id)

        await workers.hand_over(desk.sessions, desk.mail, letter)

        assert await desk.get(made.id) == before
        assert await desk.history(made.id) == ["sent"]

    async def test_what_the_notifier_refuses_is_a_draft_again_and_says_so(self, desk: Desk) -> None:
        desk.notifier.refusal = errors.NotFound("RESOURCE_MISSING", "no such sender identity")
        made = (await desk.send(await desk.draft())).proposal

        await desk.work()

        kept = await desk.get(made.id)
        assert await desk.state(made.id) == "DRAFT"
        assert (kept.send_failure, kept.number) == ("refused", made.number)
        assert await desk.history(made.id) == ["send_failed"]
        desk.notifier.refusal = None
        again = (await desk.send(kept)).proposal
        await desk.work()
        assert (again.issue, again.number) == (2, made.number)
        assert await desk.state(made.id) == "SENT"

    async def test_what_came_too_late_after_an_unanswered_try_is_in_doubt(self, desk: Desk) -> None:
        desk.notifier.loses_answers = 1
        made = (await desk.send(await desk.draft())).proposal
        await desk.work()
        late = errors.FieldViolation("not_after", "has passed")
        desk.notifier.refusal = errors.InvalidArgument("FIELDS_INVALID", "x", violations=[late])
        await desk.run("UPDATE proposal_letters SET next_time = now()")

        await desk.work()

        assert await desk.state(made.id) == "SENT"
        assert (await desk.get(made.id)).send_failure == "in_doubt"

    async def test_one_whose_last_day_has_passed_is_not_sent(self, desk: Desk) -> None:
        made = await desk.draft(valid_until=day(-1))

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await desk.send(made)

        assert refusal.fields() == ["proposal.valid_until"]
        assert (await desk.get(made.id)).number == ""

    async def test_a_stale_one_is_not_sent(self, desk: Desk) -> None:
        made = await desk.draft()
        await desk.run("UPDATE proposals SET revision = revision + 1")

        with refused(errors.Aborted, "ETAG_STALE"):
            await desk.send(made, etag=made.etag)

        assert await desk.rows("SELECT count(*) FROM proposal_letters") == [0]


class TestWhom:
    async def test_a_contact_gets_it_at_their_address(self, desk: Desk) -> None:
        me, contact = person(), desk.contact(email="dao@example.vn")
        made = await desk.draft(me, contact_id=contact.id, address="")

        answer = await desk.send(made, me)

        assert (answer.proposal.address, answer.address_unknown) == ("dao@example.vn", False)
        assert set(desk.leads.asked_for) == {me.subject}

    async def test_a_contact_without_an_address_needs_one(self, desk: Desk) -> None:
        contact = desk.contact(email="")
        made = await desk.draft(contact_id=contact.id, address="")

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await desk.send(made)

        assert refusal.fields() == ["proposal.address"]
        assert await desk.state(made.id) == "DRAFT"

    async def test_an_address_that_nobody_has_is_said_and_can_be_linked(self, desk: Desk) -> None:
        answer = await desk.send(await desk.draft(address="moi@example.vn"))
        contact = desk.contact(email="MOI@example.vn")

        linked = await desk.proposals().LinkProposal(
            pb2.LinkProposalRequest(id=answer.proposal.id, contact_id=contact.id)
        )
        known = await desk.send(await desk.draft(address="moi@example.vn"))

        assert (answer.address_unknown, known.address_unknown) == (True, False)
        assert linked.contact_id == contact.id
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await desk.proposals().LinkProposal(
                pb2.LinkProposalRequest(id=linked.id, contact_id=desk.contact().id)
            )


class TestTime:
    async def test_its_last_day_ends_it(self, desk: Desk) -> None:
        sent, other = await desk.sent(), await desk.sent()
        await desk.pass_last_day(sent.id)

        await desk.work()

        assert await desk.state(sent.id) == "EXPIRED"
        assert await desk.state(other.id) == "SENT"
        assert await desk.history(sent.id) == ["sent", "expired"]
        assert (await desk.told()).count("ProposalExpired") == 1

    async def test_a_reminder_goes_out_once(self, desk: Desk) -> None:
        sent = await desk.sent(remind_days_before=3)
        none = await desk.sent()
        await desk.run("UPDATE proposals SET remind_time = now() WHERE remind_time IS NOT NULL")

        for _ in range(3):
            await desk.work()

        reminders = [it for it in desk.notifier.requests if it.request_id.endswith("reminder")]
        assert [it.request_id for it in reminders] == [f"proposal/{sent.id}/1/reminder"]
        assert sent.link in reminders[0].text
        assert await desk.history(sent.id) == ["sent", "reminded"]
        assert await desk.history(none.id) == ["sent"]

    async def test_a_reminder_whose_time_had_passed_when_it_was_sent_does_not_go(
        self, desk: Desk
    ) -> None:
        await desk.sent(valid_until=day(1), remind_days_before=30)

        assert await desk.rows("SELECT remind_time FROM proposals") == [None]


class TestTakingBack:
    async def test_a_letter_that_nobody_tried_does_not_go(self, desk: Desk) -> None:
        made = (await desk.send(await desk.draft())).proposal

        await desk.proposals().WithdrawProposal(
            pb2.WithdrawProposalRequest(id=made.id, reason="sai giá")
        )
        await desk.work()

        assert desk.notifier.requests == []
        assert await desk.state(made.id) == "WITHDRAWN"

    async def test_an_answered_one_is_neither_withdrawn_nor_revised(self, desk: Desk) -> None:
        sent = await desk.sent()
        await desk.link().AcceptProposal(
            pb2.AcceptProposalRequest(token=token(sent), issue=1, name="Đào")
        )

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await desk.proposals().WithdrawProposal(pb2.WithdrawProposalRequest(id=sent.id))
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await desk.proposals().ReviseProposal(pb2.ReviseProposalRequest(id=sent.id))
