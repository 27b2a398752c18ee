"""When an erasure is done, and what is looked for."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from chassis.sealing import SealBroken
from services.leads.domain import person as people
from services.leads.domain.erasure import Erasure, Reason, Said, State, heard, unreadable
from services.leads.domain.person import Sought

NOON = datetime(2026, 11, 21, 5, tzinfo=UTC)
SETTLE = timedelta(seconds=60)
ORDERED = Erasure(UUID(int=1), UUID(int=2), Reason.REQUESTED, State.RUNNING, "u1", NOON)
CLEAN = {"leads": Said(), "notifier": Said()}


def told(
    before: Erasure, said: dict[str, Said], seconds: float = 0, learnt: bool = False
) -> Erasure:
    now = NOON + timedelta(seconds=seconds)
    return heard(before, said, now=now, settle=SETTLE, learnt=learnt)[0]


class TestDone:
    def test_it_is_done_when_nothing_was_found_twice_some_time_apart(self) -> None:
        once = told(ORDERED, CLEAN)
        early = told(once, CLEAN, 59)
        late = told(early, CLEAN, 60)

        assert [it.state for it in (once, early, late)] == [
            State.RUNNING,
            State.RUNNING,
            State.DONE,
        ]
        assert late.end_time == NOON + SETTLE

    @pytest.mark.parametrize(
        "said",
        [Said({"messages": 1}), Said(waiting=1), Said(trouble="PEER_UNAVAILABLE")],
        ids=["found", "waiting", "away"],
    )
    def test_whatever_somebody_finds_or_does_not_answer_begins_it_anew(self, said: Said) -> None:
        quiet = told(ORDERED, CLEAN)

        loud = told(quiet, {**CLEAN, "notifier": said}, 61)

        assert loud.state is State.RUNNING
        assert told(loud, CLEAN, 62).state is State.RUNNING

    def test_more_to_look_for_begins_it_anew(self) -> None:
        assert told(told(ORDERED, CLEAN), CLEAN, 61, learnt=True).quiet_since is None

    def test_the_report_adds_up_and_keeps_what_was_known_of_who_is_away(self) -> None:
        first = told(ORDERED, {"notifier": Said({"messages": 2, "notes": 1})})
        second = told(first, {"notifier": Said({"messages": 3}, waiting=1)}, 1)
        third = told(second, {"notifier": Said(trouble="PEER_UNAVAILABLE")}, 2)

        part = third.parts["notifier"]
        assert part.erased == {"messages": 5, "notes": 1}
        assert (part.clean, part.trouble) == (False, "PEER_UNAVAILABLE")
        assert part.answer_time == NOON + timedelta(seconds=1)

    def test_who_waits_for_others_asks_ever_more_seldom(self) -> None:
        def pause(rounds: int) -> timedelta:
            before = Erasure(**{**vars(ORDERED), "rounds": rounds})
            away = {"notifier": Said(trouble="PEER_UNAVAILABLE")}
            return heard(before, away, now=NOON, settle=SETTLE, learnt=False)[1]

        assert pause(0) < pause(3) < pause(30) == pause(31) == timedelta(minutes=5)


class TestUnreadable:
    def test_nothing_is_done_and_nothing_forgotten(self) -> None:
        quiet = told(ORDERED, CLEAN)

        after, pause = unreadable(quiet, "leads")

        assert (after.state, after.rounds, after.quiet_since) == (State.RUNNING, 1, None)
        assert (after.parts["leads"].trouble, after.parts["leads"].clean) == ("SEAL_BROKEN", False)
        assert after.parts["notifier"] == quiet.parts["notifier"]
        assert pause == timedelta(minutes=5)


class TestPerson:
    WHOLE = Sought(
        contact_ids=(UUID(int=2),),
        emails=("hoa@example.vn", "nha@example.vn"),
        phones=("+84912345678",),
        spelled=(("+84912345678", "0912345678"), ("nha@example.vn", "Nha@Example.vn")),
        names=("Trần Thị Hoa",),
        external_ids=(("id:file", "7"),),
        subjects=frozenset({("note", str(UUID(int=3)))}),
        shared=frozenset({"nha@example.vn"}),
        imports=(UUID(int=4),),
        looked=frozenset({"hoa@example.vn"}),
    )

    def test_one_is_read_back_with_the_same_key_alone(self) -> None:
        sealed = people.seal(self.WHOLE, "key")

        assert people.unseal(sealed, "key") == self.WHOLE
        assert b"hoa" not in sealed
        with pytest.raises(SealBroken):
            people.unseal(sealed, "another")

    def test_one_is_read_back_when_the_key_was_turned(self) -> None:
        sealed = people.seal(self.WHOLE, "old")

        assert people.unseal(sealed, "new\nold") == self.WHOLE
        assert people.unseal(people.seal(self.WHOLE, "new\nold"), "new") == self.WHOLE

    def test_addresses_that_others_have_are_left_out_however_written(self) -> None:
        found = self.WHOLE.alone({"nha@example.vn"})

        assert found.emails == ("hoa@example.vn",)
        assert found.spellings == ("0912345678",)
        assert "nha@example.vn" in self.WHOLE.alone(()).emails

    def test_imports_find_them_by_addresses_and_ids_of_other_systems(self) -> None:
        assert self.WHOLE.found_by() == {
            *(("email", "hoa@example.vn"), ("email", "nha@example.vn")),
            *(("phone", "+84912345678"), ("id:file", "7")),
        }
