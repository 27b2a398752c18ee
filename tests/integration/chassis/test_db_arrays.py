"""Arrays as one text, on a real PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis import db
from chassis.db import arrays

# What a literal of an array must quote.
AWKWARD = "\\ \" ' , { } NULL %s :x \n đ"


class Kind(IntEnum):
    ONE = 1


class TestArrays:
    @pytest.mark.parametrize(
        ("type_", "literal", "values"),
        [
            ("text", arrays.texts, ["a", "", "NULL", " b ", "{x}", ",", "đ", "'"]),
            ("text", arrays.texts, [AWKWARD, "a", "\\", '"', '","', ""]),
            ("text", arrays.texts, ['"']),
            ("text", arrays.texts, [""]),
            ("text", arrays.texts, ["a", None, AWKWARD, "NULL"]),
            ("text", arrays.texts, [None]),
            ("bytea", arrays.blobs, [b"", b"\x00\xff", b'\\"{,}']),
            ("uuid", arrays.uuids, [UUID(int=1), UUID(int=2**127)]),
            ("bigint", arrays.numbers, [0, -1, 2**62, Kind.ONE]),
            ("date", arrays.dates, [date(2026, 2, 28), date(1, 1, 1), date(2026, 2, 28)]),
            (
                "timestamptz",
                arrays.times,
                [datetime(2026, 11, 22, 9, 40, 1, 5, UTC), None, datetime(1970, 1, 1, tzinfo=UTC)],
            ),
        ],
    )
    async def test_they_arrive_as_they_were(
        self,
        sessions: db.Sessions,
        type_: str,
        literal: Callable[[list[Any]], str],
        values: list[Any],
    ) -> None:
        async with sessions.begin() as session:
            for given in (values, []):
                statement = text(f"SELECT CAST(:given AS {type_}[])")
                assert await session.scalar(statement, {"given": literal(given)}) == given

    async def test_ids_are_also_read_from_their_bytes(self, sessions: db.Sessions) -> None:
        ids = [UUID(int=1), UUID(int=2**127)]
        async with sessions.begin() as session:
            given = {"given": arrays.raw_uuids(it.bytes for it in ids)}
            assert await session.scalar(text("SELECT CAST(:given AS uuid[])"), given) == ids

    async def test_one_element_is_repeated_as_it_is_written(self, sessions: db.Sessions) -> None:
        given = {"given": arrays.repeated(arrays.texts([AWKWARD]), 3)}
        async with sessions.begin() as session:
            found = await session.scalar(text("SELECT CAST(:given AS text[])"), given)
        assert found == [AWKWARD] * 3
