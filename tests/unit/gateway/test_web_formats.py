"""Numbers, times and money as readers of each language write them."""

from datetime import UTC, date, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from services.gateway import downloads
from services.gateway.web import formats

AT = datetime(2026, 9, 5, 7, 30, tzinfo=UTC)


class TestNumbers:
    def test_thousands_are_parted_as_the_language_does(self) -> None:
        assert formats.number("vi", 1_234_567) == "1.234.567"
        assert formats.number("en", 1_234_567) == "1,234,567"

    def test_a_share_of_nothing_is_nothing(self) -> None:
        assert formats.percent("vi", 0, 0) == "0,0 %"
        assert formats.percent("en", 1, 8) == "12.5 %"

    def test_money_without_minor_units_has_none(self) -> None:
        assert formats.money("vi", 1_250_000, "VND") == "1.250.000 ₫"
        assert formats.money("en", -1_250, "USD") == "-12.50 USD"

    def test_bytes_are_in_the_largest_fitting_unit(self) -> None:
        assert downloads.size("vi", 200 * 1024 * 1024) == "200,0 MB"
        assert downloads.size("en", 12) == "12 B"


class TestTimes:
    def test_a_time_is_told_in_the_readers_zone(self) -> None:
        assert formats.moment("vi", AT, "Asia/Ho_Chi_Minh") == "05/09/2026 14:30"
        assert formats.moment("en", AT, "Europe/Berlin") == "5 Sep 2026, 09:30"

    def test_a_time_that_was_never_set_is_not_told(self) -> None:
        assert formats.moment("vi", Timestamp(), "") == ""

    def test_an_unknown_zone_is_vietnams(self) -> None:
        assert formats.moment("vi", AT, "Mars/Olympus") == "05/09/2026 14:30"

    def test_an_input_holds_what_it_was_given(self) -> None:
        stamp = Timestamp()
        stamp.FromDatetime(AT)

        held = formats.field_moment(stamp, "Asia/Ho_Chi_Minh")

        assert held == "2026-09-05T14:30"
        assert formats.from_field(held, "Asia/Ho_Chi_Minh") == AT

    def test_an_input_with_anything_else_is_refused(self) -> None:
        with pytest.raises(ValueError, match="Invalid isoformat"):
            formats.from_field("tomorrow", "")

    def test_a_day_is_told(self) -> None:
        assert formats.day("vi", date(2026, 9, 5)) == "05/09/2026"


class TestPhones:
    def test_a_vietnamese_number_is_told_as_people_read_it(self) -> None:
        assert formats.phone("+84912345678") == "0912 345 678"
        assert formats.phone("+4915112345678") == "+4915112345678"
