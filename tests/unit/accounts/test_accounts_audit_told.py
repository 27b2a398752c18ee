"""What services tell the audit log, and what of it becomes an entry."""

from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from services.accounts.messages import audit as messages

START = datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=UTC)


def told(**more: Any) -> bytes:
    made = Struct()
    made.update(
        {
            "id": "e1",
            "time": START.isoformat(),
            "service": "leads",
            "actor": {"subject": "u1", "kind": "user", "actor": None},
            "action": "contact.update",
            "subject_type": "contact",
            "subject_id": "1",
            "before": None,
            "after": {"name": "Lan"},
            "request_id": "r",
            **more,
        }
    )
    return made.SerializeToString()


class TestWhatServicesTell:
    def test_it_is_read(self) -> None:
        read = messages.happening(told())

        assert (read.time, read.actor_id, read.acting_service) == (START, "u1", "")
        assert (read.before, read.after) == (None, {"name": "Lan"})

    @pytest.mark.parametrize(
        "wrong",
        [
            {"time": "2026-03-01T08:30:00"},
            {"time": "yesterday"},
            {"time": None},
            {"time": "0001-01-01T00:00:00+07:00"},
            {"subject_id": "a\0b"},
            {"subject_id": "x" * 513},
            {"subject_id": 7},
            {"action": None},
            {"actor": "u1"},
            {"after": "Lan"},
            {"before": [1]},
            {"after": {"share": float("nan")}},
            {"after": {"share": float("inf")}},
        ],
    )
    def test_what_no_table_could_hold_is_no_entry(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(messages.NotAnEntry):
            messages.happening(told(**wrong))

    def test_values_come_as_they_were_told(self) -> None:
        values = {"a": {"b": [1, 2.5, -3, None, True, "x", {}]}, "big": 2**53, "none": None}

        assert messages.happening(told(after=values)).after == values
        assert isinstance(messages.happening(told(after={"n": 4})).after["n"], int)  # type: ignore[index]

    def test_garbage_is_none(self) -> None:
        with pytest.raises(messages.NotAnEntry):
            messages.happening(b"\xff garbage")
