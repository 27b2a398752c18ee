"""Times in their protobuf form, there and back."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from chassis.rpc import times

ZONES = st.sampled_from([UTC, ZoneInfo("Asia/Ho_Chi_Minh"), timezone(timedelta(hours=-12))])
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001


class TestOut:
    @given(TIMES)
    def test_it_is_what_protobuf_makes_of_it(self, time: datetime) -> None:
        made = Timestamp()
        made.FromDatetime(time)

        assert times.out(time) == made

    @given(TIMES)
    def test_it_comes_back_as_the_same_moment(self, time: datetime) -> None:
        made = times.out(time)

        assert made is not None
        assert times.read(made) == (time if made != Timestamp() else None)

    def test_none_stays_none(self) -> None:
        assert times.out(None) is None
