"""A run to those whom another run did not reach: who they are, once, and never twice."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.campaigns.v1 import campaign_pb2, run_pb2
from crm.campaigns.v1 import campaign_service_pb2 as pb
from crm.notifier.v1 import message_pb2
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from services.campaigns.messages import work
from services.campaigns.usecases import progress, runs, unreached
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.house import House, member
from tests.integration.serving import refused

U = campaign_pb2
READER = Principal(str(uuid4()), "user", rights={"campaigns": {"read": "all"}})
FAILED, SKIPPED = U.UNREACHED_STATE_FAILED, U.UNREACHED_STATE_SKIPPED
USUAL = [
    FAILED,
    SKIPPED,
    U.UNREACHED_STATE_BOUNCED,
    U.UNREACHED_STATE_EXPIRED,
    U.UNREACHED_STATE_CANCELLED,
]
MAYBE = [U.UNREACHED_STATE_ABANDONED, U.UNREACHED_STATE_IN_DOUBT]

# What became of each of the people of `a_run_that_ended`, in their order.
ENDS = [
    ("ACCEPTED", ""),
    ("DELIVERED", ""),
    ("FAILED", "PROVIDER_REFUSED"),
    ("FAILED", "ADDRESS_INVALID"),
    ("SKIPPED", "CAP"),
    ("SKIPPED", "SUPPRESSED"),
    ("BOUNCED", "NOT_DELIVERED"),
    ("EXPIRED", "TIME_PASSED"),
    ("ABANDONED", "DOUBT_TOO_OLD"),
    ("IN_DOUBT", "ANSWER_LOST"),
]


async def report(house: House, run: run_pb2.Run, ends: Any = ENDS, revision: int = 2) -> None:
    """Tells what became of a run's messages."""
    rows = await house.rows(
        "SELECT message_id FROM recipients WHERE run_id = :run ORDER BY ordinal", run=run.id
    )
    for (id,), (state, reason) in zip(rows, ends, strict=True):
        number = message_pb2.MessageState.Value(f"MESSAGE_STATE_{state}")
        event = desks.report(run, [id.bytes], number, reason=reason, revision=revision)  # type: ignore[attr-defined]
        async with house.sessions.begin() as session:
            await progress.apply(session, [work.report(event.SerializeToString())])


async def a_run_that_ended(house: House) -> run_pb2.Run:
    """A run that came to every end there is."""
    run = await house.planned([member(n) for n in range(1, len(ENDS) + 1)])
    await report(house, run)
    async with house.sessions.begin() as session:
        assert await runs.finish(session, UUID(run.id), house.now())
    return await house.get(run)


def asking(run: run_pb2.Run, states: Any = (), **given: Any) -> pb.DraftResendRequest:
    """A request."""
    part = U.Unreached(run_id=run.id, states=states or USUAL, **given.pop("part", {}))
    return pb.DraftResendRequest(unreached=part, **given)


async def addresses(house: House, run: run_pb2.Run) -> list[str]:
    """Who is planned in a run."""
    rows = await house.rows(
        "SELECT address FROM recipients WHERE run_id = :run ORDER BY ordinal", run=run.id
    )
    return [str(row[0]) for row in rows]


class TestTheDraft:
    async def test_it_is_the_runs_campaign_for_those_it_did_not_reach(self, house: House) -> None:
        run = await a_run_that_ended(house)

        made = await house.campaigns.DraftResend(asking(run))

        original = await house.campaigns.GetCampaign(pb.GetCampaignRequest(id=run.campaign_id))
        assert made.name == f"{original.name} (2)"
        assert made.template_id == original.template_id
        assert (made.audience.unreached.run_id, made.latest_run_id) == (run.id, "")
        assert sorted(made.audience.unreached.states) == sorted(USUAL)
        assert made == await house.campaigns.GetCampaign(pb.GetCampaignRequest(id=made.id))

    async def test_the_same_request_makes_one(self, house: House) -> None:
        run = await a_run_that_ended(house)
        request = asking(run, name="Lần hai", request_id="r1")

        first, second = [await house.campaigns.DraftResend(request) for _ in range(2)]

        assert first == second
        assert first.name == "Lần hai"

    async def test_the_review_says_who_would_get_it_before_it_starts(self, house: House) -> None:
        run = await a_run_that_ended(house)
        refused_since = house.people.members[2]
        house.people.members[2] = refused_since._replace(consented=False)
        made = await house.campaigns.DraftResend(asking(run))

        found = await house.campaigns.ReviewCampaign(pb.ReviewCampaignRequest(id=made.id))

        assert (found.audience, found.planned) == (4, 3)
        assert [(it.reason, it.count) for it in found.excluded] == [
            (U.EXCLUSION_REASON_NO_CONSENT, 1)
        ]
        assert found.samples

    async def test_the_review_counts_more_than_leads_is_asked_of_at_once(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(unreached, "AT_ONCE", 3)
        run = await a_run_that_ended(house)
        gone = house.people.members.pop(4)
        made = await house.campaigns.DraftResend(asking(run))

        found = await house.campaigns.ReviewCampaign(pb.ReviewCampaignRequest(id=made.id))

        assert gone.ordinal == 5
        assert (found.audience, found.planned) == (4, 3)
        assert [it.reason for it in found.excluded] == [U.EXCLUSION_REASON_CONTACT_GONE]


class TestTheRun:
    async def test_it_goes_to_the_unreached_and_nobody_else(self, house: House) -> None:
        first = await a_run_that_ended(house)
        made = await house.campaigns.DraftResend(asking(first))

        run = await house.start(made.id)
        await house.planner().round()

        assert await addresses(house, run) == [f"Person{n}@example.vn" for n in (3, 5, 7, 8)]
        assert (await house.get(run)).audience == 4

    async def test_doubt_is_sent_again_only_when_it_was_chosen(self, house: House) -> None:
        first = await a_run_that_ended(house)
        made = await house.campaigns.DraftResend(
            asking(first, MAYBE, part={"accept_duplicate": True})
        )

        run = await house.start(made.id)
        await house.planner().round()

        assert await addresses(house, run) == ["Person9@example.vn", "Person10@example.vn"]

    async def test_a_receipt_that_came_before_the_start_takes_one_out(self, house: House) -> None:
        first = await a_run_that_ended(house)
        made = await house.campaigns.DraftResend(
            asking(first, MAYBE, part={"accept_duplicate": True})
        )
        late = [*ENDS[:-1], ("DELIVERED", "")]
        await report(house, first, late, revision=3)

        run = await house.start(made.id)
        await house.planner().round()

        assert await addresses(house, run) == ["Person9@example.vn"]

    async def test_a_planner_that_was_killed_is_followed_by_one_that_plans_the_same(
        self, house: House
    ) -> None:
        first = await a_run_that_ended(house)
        made = await house.campaigns.DraftResend(asking(first))
        run = await house.start(made.id)
        house.people.batch = 1

        async def cut(start: int) -> None:
            if start == 2:
                raise errors.Unavailable("PEER_UNAVAILABLE", "away", peer="leads")

        house.people.before_batch = cut
        await house.planner("p1").round()
        house.people.before_batch = None
        # Whoever is reached meanwhile stays in: the audience was frozen.
        await report(house, first, [("DELIVERED", "")] * len(ENDS), revision=9)
        async with house.sessions.begin() as session:
            await session.execute(text("UPDATE runs SET lease_until = NULL"))
        await house.planner("p2").round()

        assert await addresses(house, run) == [f"Person{n}@example.vn" for n in (3, 5, 7, 8)]
        assert len(house.people.given[UUID(run.id)]) == 4

    async def test_nobody_is_written_to_by_two_of_them(self, house: House) -> None:
        first = await a_run_that_ended(house)
        one, two = [await house.campaigns.DraftResend(asking(first, [FAILED])) for _ in range(2)]
        other = await house.campaigns.DraftResend(asking(first, [SKIPPED]))
        started = await house.start(one.id, "k")

        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as refusal:
            await house.start(two.id)
        await house.start(other.id)

        assert refusal.error.metadata["id"] == started.id
        assert (await house.start(one.id, "k")).id == started.id

    async def test_one_that_ended_before_it_was_planned_stands_in_nobodys_way(
        self, house: House
    ) -> None:
        first = await a_run_that_ended(house)
        one, two = [await house.campaigns.DraftResend(asking(first)) for _ in range(2)]
        run = await house.start(one.id)
        async with house.sessions.begin() as session:
            await runs.cancel(session, UUID(run.id))
        async with house.sessions.begin() as session:
            assert await runs.finish(session, UUID(run.id), house.now())

        assert (await house.start(two.id)).state == U.RUN_STATE_PLANNING


class TestWhatIsRefused:
    async def test_what_is_wrong_is_named(self, house: House) -> None:
        going = await house.planned([member(1)])
        done = await a_run_that_ended(house)
        at = "campaign.audience.unreached"
        for request, field in (
            (asking(going), f"{at}.run_id"),
            (pb.DraftResendRequest(unreached=U.Unreached(run_id=done.id)), f"{at}.states"),
            (asking(done, MAYBE), f"{at}.accept_duplicate"),
            (asking(done, name="x" * 201), "campaign.name"),
            (pb.DraftResendRequest(), "unreached.run_id"),
        ):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await house.campaigns.DraftResend(request)
            assert field in refusal.fields()
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.campaigns.DraftResend(
                pb.DraftResendRequest(unreached=U.Unreached(run_id=str(uuid4()), states=[FAILED]))
            )
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.call(READER).campaigns.DraftResend(asking(done))

    async def test_a_campaign_may_name_them_but_nobody_beside_them(self, house: House) -> None:
        done = await a_run_that_ended(house)
        part = U.Unreached(run_id=done.id, states=[FAILED])

        made = await house.campaign(audience=U.Audience(unreached=part))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.campaign(audience=U.Audience(unreached=part, kind="lead"))

        assert made.audience.unreached == part
        assert refusal.fields() == ["campaign.audience.unreached"]

    async def test_where_nobody_is_left_there_is_nothing_to_start(self, house: House) -> None:
        done = await a_run_that_ended(house)
        made = await house.campaigns.DraftResend(asking(done, [U.UNREACHED_STATE_CANCELLED]))

        with refused(errors.FailedPrecondition, "AUDIENCE_EMPTY"):
            await house.start(made.id)
