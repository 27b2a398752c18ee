"""The main job's own checks find what they are there to find."""

from local.demo import peers, table


class TestComparison:
    def test_it_agrees_when_each_taken_message_is_held_once(self) -> None:
        found = peers.compare({"a", "b"}, {"c"}, {"d"}, {"a": 1, "b": 1, "other": 5})

        assert found.agrees
        assert (found.taken, found.held) == (2, 2)

    def test_it_finds_a_message_that_is_said_sent_and_not_held(self) -> None:
        assert peers.compare({"a", "b"}, set(), set(), {"a": 1}).missing == 1

    def test_it_finds_a_second_copy(self) -> None:
        assert not peers.compare({"a"}, {"c"}, set(), {"a": 1, "c": 2}).agrees

    def test_it_finds_a_message_that_was_never_to_be_sent(self) -> None:
        assert peers.compare(set(), set(), {"d"}, {"d": 1}).unexplained == 1


class TestSums:
    def test_a_ledger_that_lost_a_row_does_not_hold(self) -> None:
        ledger = {"rows": 10, "created": 6, "updated": 1, "skipped": 1, "rejected": 1}

        assert not table.ledger_sum({"ledger": ledger}).holds

    def test_audience_is_excluded_and_planned(self) -> None:
        run = {"audience": 5, "planned": 3, "excluded": [{"reason": "NO_CONSENT", "count": 2}]}

        assert table.audience_sum(run).holds
        assert str(table.audience_sum(run)) == "2 no consent + 3 planned"

    def test_planned_is_the_sum_of_every_state(self) -> None:
        run = {"planned": 3, "counts": {"accepted": 1, "delivered": 1, "in_doubt": 1}}

        assert table.planned_sum(run).holds
        assert not table.planned_sum({**run, "planned": 4}).holds
