"""What policy does about a doubt, by purpose."""

from datetime import UTC, datetime, timedelta

import pytest
from crm.notifier.v1 import doubt_pb2

from services.notifier.domain.doubts import SETTLING, TO, Act, Policy, Teller, due
from services.notifier.domain.states import Purpose, State

DAY, MINUTES = timedelta(days=1), timedelta(minutes=5)
USUAL = Policy(abandon_after=DAY, resend_after=MINUTES, doubts_most=4)
SINCE = datetime(2026, 11, 21, 9, tzinfo=UTC)


class TestDue:
    @pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.CARE, Purpose.CONSENT_REQUEST])
    def test_what_goes_at_most_once_is_given_up(self, purpose: Purpose) -> None:
        found = due(USUAL, purpose, since=SINCE, doubts=1, resendable=True)

        assert found == (Act.ABANDONED, SINCE + DAY)

    @pytest.mark.parametrize(
        ("doubts", "act"), [(1, Act.SENT_AGAIN), (3, Act.SENT_AGAIN), (4, Act.ABANDONED)]
    )
    def test_transactional_goes_again_so_often(self, doubts: int, act: Act) -> None:
        found = due(USUAL, Purpose.TRANSACTIONAL, since=SINCE, doubts=doubts, resendable=True)

        assert found.act is act
        assert found.at == SINCE + (MINUTES if act is Act.SENT_AGAIN else DAY)

    def test_what_is_over_is_given_up(self) -> None:
        found = due(USUAL, Purpose.TRANSACTIONAL, since=SINCE, doubts=1, resendable=False)

        assert found.act is Act.ABANDONED

    def test_none_goes_again_where_policy_says_so(self) -> None:
        never = Policy(abandon_after=MINUTES, resend_after=DAY, doubts_most=0)

        found = due(never, Purpose.TRANSACTIONAL, since=SINCE, doubts=1, resendable=True)

        assert found == (Act.ABANDONED, SINCE + MINUTES)

    def test_none_is_given_up_before_it_could_go_again(self) -> None:
        hasty = Policy(abandon_after=MINUTES, resend_after=DAY, doubts_most=4)

        assert hasty.age(Purpose.TRANSACTIONAL) == DAY
        assert hasty.age(Purpose.MARKETING) == MINUTES


class TestActs:
    def test_they_are_those_of_the_contract(self) -> None:
        names = dict(doubt_pb2.DoubtAct.items())
        tellers = dict(doubt_pb2.DoubtTeller.items())

        assert {f"DOUBT_ACT_{it.name}": it.value for it in Act} | {
            "DOUBT_ACT_UNSPECIFIED": 0
        } == names
        assert {f"DOUBT_TELLER_{it.name}": it.value for it in Teller} | {
            "DOUBT_TELLER_UNSPECIFIED": 0
        } == tellers

    def test_settling_ends_and_sending_again_queues(self) -> None:
        assert {TO[it].state for it in SETTLING} == {
            State.ACCEPTED,
            State.FAILED,
            State.ABANDONED,
        }
        assert TO[Act.SENT_AGAIN].state is State.QUEUED
