"""The file of rules, and the hours it gives: every row of the law, with the clock given."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.notifier.domain import hours
from services.notifier.domain.hours import Where, Window
from services.notifier.domain.rulebook import Rulebook, window
from services.notifier.domain.rules import Rules
from services.notifier.domain.states import Channel, Next, Purpose, Reason, State
from services.notifier.usecases import rulebook
from tests.unit.notifier.rule_parts import NEW_YORK, NOON, RULES, SAIGON, changed, judge, message


class TestTheFile:
    def test_every_rule_names_its_source(self) -> None:
        assert all(len(it.source) > 10 for it in RULES.book.rules)
        assert len(RULES.book.rules) > 10

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"windows": ["7-22"]}, "HH:MM-HH:MM"),
            ({"windows": ["07:00-07:00"]}, "no span"),
            ({"windows": []}, "at least 1"),
            ({"jurisdiction": "XX"}, "no jurisdiction 'XX'"),
            ({"purposes": ["SPAM"]}, "MARKETING"),
            ({"source": ""}, "at least 1"),
            ({"colour": "red"}, "Extra inputs"),
            ({"kind": "weather"}, "weather"),
        ],
    )
    def test_one_that_cannot_be_right_is_refused_whole(
        self, change: dict[str, Any], why: str
    ) -> None:
        rule = {**changed()["rules"][0], **change}

        with pytest.raises(ValueError, match=why):
            Rulebook.model_validate(changed(rules=[rule]))

    def test_ids_are_given_once_and_caps_of_a_channel_count_alike(self) -> None:
        whole = changed()
        cap = next(it for it in whole["rules"] if it["kind"] == "cap")

        with pytest.raises(ValueError, match="same id"):
            Rulebook.model_validate(changed(rules=[cap, cap]))
        with pytest.raises(ValueError, match="same hours"):
            Rulebook.model_validate(changed(rules=[cap, {**cap, "id": "vn.x", "hours": 48}]))

    def test_hours_that_never_open_where_a_jurisdiction_is_judged_are_refused(self) -> None:
        places = {
            "VN": {"name": "x", "judged_in": ["Asia/Ho_Chi_Minh", "America/New_York"]},
        }
        rule = {**changed()["rules"][0], "windows": ["09:00-12:00"]}

        with pytest.raises(ValueError, match="never open"):
            Rules(Rulebook.model_validate(changed(jurisdictions=places, rules=[rule])))

    def test_an_operators_own_file_takes_its_place(self, tmp_path: Path) -> None:
        own = tmp_path / "own.toml"
        own.write_text(rulebook.OURS.read_text("utf-8").replace('"07:00-22:00"', '"13:00-22:00"'))

        to = judge(rules=rulebook.load(str(own)))(message())

        assert to == Next(
            State.DEFERRED,
            Reason.OUTSIDE_HOURS,
            datetime(2026, 11, 21, 13, tzinfo=SAIGON).astimezone(UTC),
            "vn.sms.hours",
        )


class TestHours:
    @pytest.mark.parametrize(
        ("local", "opens"),
        [
            ((6, 59, 59), (21, 7)),
            ((7, 0, 0), None),
            ((21, 59, 57), None),
            ((21, 59, 59), (22, 7)),
            ((22, 0, 0), (22, 7)),
        ],
    )
    @pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.CONSENT_REQUEST])
    def test_vietnam_from_seven_to_ten(
        self, local: tuple[int, int, int], opens: tuple[int, int] | None, purpose: Purpose
    ) -> None:
        at = datetime(2026, 11, 21, *local, tzinfo=SAIGON)

        to = judge(at)(message(purpose=purpose))

        if opens is None:
            assert to is None
        else:
            assert to is not None
            assert to.not_before is not None
            assert to.not_before.astimezone(SAIGON) == datetime(2026, 11, *opens, tzinfo=SAIGON)
            assert to.rule.startswith("vn.sms.")

    @pytest.mark.parametrize(("hour", "may_go"), [(7, False), (8, True), (20, True), (21, False)])
    def test_the_united_states_from_eight_to_nine_where_the_person_is(
        self, hour: int, may_go: bool
    ) -> None:
        at = datetime(2026, 11, 21, hour, 30, tzinfo=NEW_YORK)

        to = judge(at)(message("+12125550100", "America/New_York"))

        assert (to is None) is may_go
        if to is not None:
            assert to.rule == "us.sms.hours"

    def test_a_number_without_a_zone_is_judged_in_all_zones_of_its_country(self) -> None:
        early = datetime(2026, 11, 21, 9, tzinfo=NEW_YORK)  # four in Honolulu
        late = datetime(2026, 11, 21, 20, tzinfo=NEW_YORK)  # three in the afternoon there

        to = judge(early)(message("+12125550100"))

        assert to is not None
        assert to.not_before == datetime(2026, 11, 21, 8, tzinfo=ZoneInfo("Pacific/Honolulu"))
        assert judge(late)(message("+12125550100")) is None

    def test_where_neither_country_nor_zone_is_known_the_strictest_hours_hold(self) -> None:
        for local, may_go in [((7, 30), False), ((8, 0), True), ((21, 30), False)]:
            at = datetime(2026, 11, 21, *local, tzinfo=SAIGON)
            assert (judge(at)(message("+442079460000", "No/Where")) is None) is may_go

    def test_a_vietnamese_number_abroad_keeps_the_hours_of_both(self) -> None:
        for hour, may_go in [(7, False), (8, True), (21, False)]:
            at = datetime(2026, 11, 21, hour, 15, tzinfo=NEW_YORK)
            assert (judge(at)(message(zone="America/New_York")) is None) is may_go

    def test_mail_and_care_have_none(self) -> None:
        night = datetime(2026, 11, 21, 2, tzinfo=SAIGON)

        assert judge(night)(message(purpose=Purpose.CARE)) is None
        assert judge(night)(message(channel=Channel.EMAIL)) is None

    def test_what_may_go_says_when_its_hours_end(self) -> None:
        ask = judge()

        assert ask(message()) is None
        assert ask.closes == datetime(2026, 11, 21, 22, tzinfo=SAIGON)


class TestWindows:
    def where(self, zone: str, *texts: str) -> Where:
        return Where(ZoneInfo(zone), tuple(window(it) for it in texts))

    def test_several_in_a_day_and_one_over_midnight(self) -> None:
        siesta = self.where("Asia/Ho_Chi_Minh", "08:00-11:30", "13:30-17:00")
        night = self.where("Asia/Ho_Chi_Minh", "22:00-06:00")

        def at(hour: int, minute: int = 0, day: int = 21) -> datetime:
            return datetime(2026, 11, day, hour, minute, tzinfo=SAIGON)

        assert siesta.opens(at(9)) == at(9)
        assert siesta.opens(at(11, 30)) == at(13, 30)
        assert siesta.opens(at(18)) == at(8, day=22)
        assert night.opens(at(23)) == at(23)
        assert night.opens(at(5)) == at(5)
        assert night.opens(at(12)) == at(22)
        assert night.closes(at(23)) == at(6, day=22)
        assert self.where("Asia/Ho_Chi_Minh", "00:00-24:00").closes(at(9)) is None

    def test_a_day_of_23_hours_opens_on_its_own_clock(self) -> None:
        where = self.where("America/New_York", "08:00-21:00")
        eve = datetime(2026, 3, 7, 22, tzinfo=NEW_YORK)

        opens = where.opens(eve.astimezone(UTC))

        assert opens == datetime(2026, 3, 8, 12, tzinfo=UTC)
        assert opens - eve.astimezone(UTC) == timedelta(hours=9)

    def test_a_day_of_25_hours_closes_on_its_own_clock(self) -> None:
        where = self.where("America/New_York", "08:00-21:00")

        assert where.closes(datetime(2026, 11, 1, 14, tzinfo=UTC)) == datetime(
            2026, 11, 2, 2, tzinfo=UTC
        )

    def test_a_window_inside_the_hour_that_is_left_out_waits_for_the_next_day(self) -> None:
        where = self.where("America/New_York", "02:10-02:50")

        opens = where.opens(datetime(2026, 3, 8, 0, tzinfo=NEW_YORK))

        assert opens == datetime(2026, 3, 9, 2, 10, tzinfo=NEW_YORK)

    def test_all_places_have_to_be_open_at_once(self) -> None:
        both = [
            self.where("Asia/Ho_Chi_Minh", "07:00-22:00"),
            self.where("America/New_York", "08:00-21:00"),
        ]
        midnight = datetime(2026, 11, 21, tzinfo=UTC)  # 07:00 and 19:00 of the day before

        assert hours.opens(both, midnight) == midnight
        assert hours.closes(both, midnight) == datetime(2026, 11, 21, 2, tzinfo=UTC)
        assert hours.opens(both, midnight + timedelta(hours=3)) == datetime(
            2026, 11, 21, 13, tzinfo=UTC
        )

    def test_places_never_open_at_once_have_no_opening(self) -> None:
        never = [
            self.where("Asia/Ho_Chi_Minh", "09:00-12:00"),
            self.where("America/New_York", "09:00-12:00"),
        ]

        assert hours.opens(never, NOON) is None

    def test_what_is_read_is_what_was_written(self) -> None:
        assert window("07:30-22:00") == Window(time(7, 30), time(22))
        for wrong in ("7:30-22:00", "25:00-26:00", "10:00", "09:00-09:00", "09:00-24:30", ""):
            with pytest.raises(ValueError, match=r"HH:MM|span"):
                window(wrong)
