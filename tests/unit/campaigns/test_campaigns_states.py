"""Which state may follow which, and what a move does to a run."""

import itertools
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from chassis.errors import FailedPrecondition
from services.campaigns.domain import keys, runs, states
from services.campaigns.domain.campaigns import Audience
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.runs import Plan, Run
from services.campaigns.domain.states import GOING, NEXT, RecipientState, RunState

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def a_run(state: RunState, resume_state: RunState | None = None) -> Run:
    return Run(
        id=uuid4(),
        revision=7,
        campaign_id=uuid4(),
        run_date=date(2026, 11, 21),
        epoch=3,
        state=state,
        resume_state=resume_state,
        channel=Channel.EMAIL,
        purpose=Purpose.CARE,
        advertiser_id=uuid4(),
        sender_identity_id=uuid4(),
        content_hash="0" * 64,
        variables=(),
        audience=Audience(),
        not_after=None,
        max_per_second=0,
        key=keys.new_run_key(),
        creator_id="u",
        plan=Plan(),
        create_time=NOW,
        plan_time=None,
        end_time=None,
    )


class TestTheTable:
    @pytest.mark.parametrize(("current", "to"), list(itertools.product(RunState, RunState)))
    def test_a_move_is_made_or_refused_by_the_table(self, current: RunState, to: RunState) -> None:
        if to in NEXT[current]:
            assert states.advance(current, to) is to
            return
        with pytest.raises(FailedPrecondition) as refused:
            states.advance(current, to)
        assert refused.value.reason == "STATE_FORBIDS"
        assert refused.value.metadata == {"resource": "run", "state": current, "to": to}

    def test_what_has_ended_never_moves(self) -> None:
        ended = set(RunState) - GOING

        assert all(not NEXT[state] for state in ended)
        assert ended == {RunState.COMPLETED, RunState.CANCELLED, RunState.EXPIRED}

    def test_notifiers_hear_of_what_concerns_them(self) -> None:
        def grows(current: RunState, to: RunState) -> bool:
            return states.epoch_after(1, current, to) == 2

        assert grows(RunState.SENDING, RunState.PAUSED)
        assert grows(RunState.PAUSED, RunState.SENDING)
        assert all(grows(state, RunState.CANCELLED) for state in GOING)
        assert all(grows(state, RunState.EXPIRED) for state in GOING)
        assert not grows(RunState.PLANNING, RunState.SENDING)
        assert not grows(RunState.SENDING, RunState.COMPLETED)


class TestMoves:
    @pytest.mark.parametrize("state", [RunState.PLANNING, RunState.SENDING])
    def test_a_pause_is_undone_by_a_resume(self, state: RunState) -> None:
        paused = runs.moved(a_run(state), RunState.PAUSED)
        resumed = runs.resumed(paused)

        assert (paused.resume_state, paused.epoch, paused.revision) == (state, 4, 8)
        assert (resumed.state, resumed.resume_state) == (state, None)
        assert (resumed.epoch, resumed.revision) == (5, 9)

    def test_only_a_paused_run_is_resumed(self) -> None:
        with pytest.raises(FailedPrecondition, match="cannot be resumed"):
            runs.resumed(a_run(RunState.COMPLETED))

    def test_a_planned_run_is_sent(self) -> None:
        after = runs.planned(a_run(RunState.PLANNING), NOW)

        assert (after.state, after.plan_time, after.epoch) == (RunState.SENDING, NOW, 3)

    def test_a_run_that_was_sent_is_completed(self) -> None:
        after = runs.ended(a_run(RunState.SENDING), NOW)

        assert (after.state, after.end_time, after.revision) == (RunState.COMPLETED, NOW, 8)

    def test_a_cancelled_run_ends_cancelled(self) -> None:
        after = runs.ended(a_run(RunState.CANCELLED), NOW)

        assert (after.state, after.end_time, after.revision) == (RunState.CANCELLED, NOW, 8)

    @pytest.mark.parametrize("state", list(RecipientState))
    def test_a_run_is_over_when_nobody_waits(self, state: RecipientState) -> None:
        assert runs.is_over({state: 1}) is (state not in states.UNSETTLED)


class TestComplaints:
    BORNE = runs.Bearable(0.3, 1_000)

    @pytest.mark.parametrize(
        ("accepted", "delivered", "complaints", "too_many"),
        [
            (0, 0, 5, False),
            (10, 0, 1, False),
            (999, 0, 999, False),
            (1_000, 0, 3, False),
            (1_000, 0, 4, True),
            (400, 600, 4, True),
            (0, 1_000_000, 3_000, False),
            (0, 1_000_000, 3_001, True),
        ],
    )
    def test_more_than_is_borne_of_those_reached_are_too_many(
        self, accepted: int, delivered: int, complaints: int, too_many: bool
    ) -> None:
        counts = {
            RecipientState.ACCEPTED: accepted,
            RecipientState.DELIVERED: delivered,
            RecipientState.BOUNCED: 5_000,
        }
        progress = runs.Progress(a_run(RunState.SENDING), counts)

        assert runs.is_unbearable(progress, complaints, self.BORNE) is too_many
        assert not runs.is_unbearable(progress, complaints, runs.Bearable(0.0, 1))
