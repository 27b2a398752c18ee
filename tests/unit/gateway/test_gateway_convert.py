"""Messages as JSON: times as protobuf's own method writes them."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.api import convert

FIRST = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
NANOS = st.one_of(
    st.integers(0, 999_999_999),
    st.integers(0, 999_999).map(lambda it: it * 1_000),
    st.integers(0, 999).map(lambda it: it * 1_000_000),
)


class TestTimes:
    @given(st.integers(FIRST, LAST), NANOS)
    def test_they_are_written_as_protobuf_writes_them(self, seconds: int, nanos: int) -> None:
        time = Timestamp(seconds=seconds, nanos=nanos)

        assert convert.time_text(time) == time.ToJsonString()

    @pytest.mark.parametrize(
        ("nanos", "text"),
        [
            (0, "2026-01-02T03:04:05Z"),
            (120_000_000, "2026-01-02T03:04:05.120Z"),
            (120_400_000, "2026-01-02T03:04:05.120400Z"),
            (1, "2026-01-02T03:04:05.000000001Z"),
        ],
    )
    def test_parts_of_a_second_take_three_digits_at_once(self, nanos: int, text: str) -> None:
        assert convert.time_text(Timestamp(seconds=1_767_323_045, nanos=nanos)) == text
