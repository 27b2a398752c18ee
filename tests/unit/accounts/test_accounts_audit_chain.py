"""The audit chain: what is hashed, and what a walk along it finds."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts.domain import chain, walking
from services.accounts.domain.chain import FIRST, Entry, Row
from services.accounts.domain.walking import Finding, Head, Kind, Walk

START = datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=UTC)
KEY = UUID("0192f3a0-0000-7000-8000-000000000001")


def entry(sequence: int, previous: bytes, **more: Any) -> Entry:
    return Entry(
        **{
            "sequence": sequence,
            "id": f"e{sequence}",
            "time": START + timedelta(seconds=sequence % 1_000),
            "service": "leads",
            "actor_id": "u1",
            "actor_kind": "user",
            "acting_service": "",
            "action": "contact.update",
            "subject_type": "contact",
            "subject_id": str(sequence),
            "request_id": "r",
            "key_id": KEY if sequence % 2 else None,
            "sealed": b"sealed" if sequence % 2 else None,
            "previous_hash": previous,
            **more,
        }
    )


def rows(count: int, first_version: int = 0, previous: bytes = FIRST, start: int = 1) -> list[Row]:
    """A chain of `count` rows from `start`, the first ones as they were hashed once."""
    made = []
    for sequence in range(start, start + count):
        one = entry(sequence, previous)
        version = 1 if sequence <= first_version else 2
        previous = chain.link(one, version)
        made.append(Row(one, version, previous))
    return made


def copied(row: Row) -> bytes:
    whole = chain.row(chain.packed(row.entry), b"")
    return whole[:-6] + row.version.to_bytes(2, "big") + _sized(row.hash)


def _sized(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def moved(row: Row, by: int) -> Row:
    return replace(row, entry=replace(row.entry, sequence=row.entry.sequence + by))


def walked(chained: list[Row], heads: list[Head] | None = None, size: int = 7) -> Walk:
    """Follows rows some at a time, and stops in between as a call that has no more time."""
    compared = walking.by_place(heads or [])
    walk = Walk(sought=walking.unplaced(heads or []))
    for start in range(0, len(chained), size):
        part = [copied(it) for it in chained[start : start + size]]
        walk.read(part)
        walk.compare(part, compared)
        walk = Walk.resumed(json.loads(json.dumps(walk.state())))
    walk.end(compared)
    return walk


def found(chained: list[Row], *heads: Head) -> list[tuple[str, int, int]]:
    sizes = {size: walked(chained, list(heads), size).findings for size in (1, 4, 100)}
    assert sizes[1] == sizes[4] == sizes[100]
    return [(it.kind.value, it.first, it.last) for it in sizes[1]]


class TestARow:
    def test_it_is_what_postgresql_copies(self) -> None:
        row = rows(1)[0]

        assert Row.read(copied(row)) == row
        assert copied(row) == chain.row(chain.packed(row.entry), row.hash)

    @pytest.mark.parametrize("name", [it for it in chain.COVERED if it != "sequence"])
    def test_every_column_counts(self, name: str) -> None:
        one = entry(1, FIRST)
        other = {
            "time": one.time + timedelta(microseconds=1),
            "key_id": None,
            "sealed": b"",
            "previous_hash": bytes(31) + b"1",
        }.get(name, "another")

        assert chain.link(replace(one, **{name: other})) != chain.link(one)

    def test_nothing_and_empty_are_two_things(self) -> None:
        one = entry(1, FIRST, sealed=None)

        assert chain.link(replace(one, sealed=b"")) != chain.link(one)

    def test_the_zone_of_a_time_does_not_count(self) -> None:
        one = entry(1, FIRST)
        there = replace(one, time=one.time.astimezone(timezone(timedelta(hours=7))))

        assert chain.link(there) == chain.link(one)

    def test_a_version_that_nobody_knows_has_no_hash(self) -> None:
        assert chain.link(entry(1, FIRST), version=3) == b""

    @given(texts=st.lists(st.text(max_size=9), min_size=3, max_size=3), sealed=st.binary())
    def test_whatever_it_holds_it_can_be_taken_apart(self, texts: list[str], sealed: bytes) -> None:
        names = dict(zip(("id", "actor_id", "subject_id"), texts, strict=True))
        one = entry(2**62, bytes(32), sealed=sealed, **names)

        assert Row.read(chain.row(chain.packed(one), FIRST)) == Row(one, 2, FIRST)

    @pytest.mark.parametrize("broken", [b"", b"\x00\x03abc", b"\x00\x10" + bytes(64) + b"1"])
    def test_what_is_none_is_refused(self, broken: bytes) -> None:
        with pytest.raises(ValueError, match="not a row"):
            Row.read(broken)


class TestAChainThatHolds:
    def test_it_is_followed_to_its_end(self) -> None:
        chained = rows(20)

        walk = walked(chained)

        assert (walk.findings, walk.entries, walk.sequence) == ([], 20, 20)
        assert walk.head == chained[-1].hash

    def test_entries_of_the_version_before_still_fit(self) -> None:
        assert found(rows(20, first_version=9)) == []

    def test_one_without_entries_holds(self) -> None:
        assert found([]) == []

    def test_its_heads_are_where_they_were(self) -> None:
        chained = rows(20)
        heads = [Head(0, FIRST), Head(7, chained[6].hash), Head(20, chained[19].hash)]

        assert found(chained, *heads, Head(0, chained[3].hash)) == []


@pytest.mark.parametrize("version", [0, 30], ids=["now", "version 1"])
class TestWhatWasTamperedWith:
    @pytest.mark.parametrize("place", [1, 8, 20])
    @pytest.mark.parametrize(
        "change",
        [
            {"action": "x"},
            {"sealed": b"other"},
            {"time": START},
            {"previous_hash": bytes(31) + b"2"},
            {"previous_hash": b"short"},
            {"previous_hash": b""},
        ],
    )
    def test_an_altered_entry_is_named(
        self, version: int, place: int, change: dict[str, Any]
    ) -> None:
        chained = rows(20, version)
        row = chained[place - 1]
        chained[place - 1] = replace(row, entry=replace(row.entry, **change))

        assert found(chained) == [("altered", place, place)]

    @pytest.mark.parametrize("other", [bytes(32), b"", b"x" * 40])
    def test_so_is_one_whose_hash_was_altered(self, version: int, other: bytes) -> None:
        chained = rows(20, version)
        chained[7] = replace(chained[7], hash=other)

        assert found(chained) == [("altered", 8, 8)]

    def test_so_is_one_that_was_hashed_anew(self, version: int) -> None:
        chained = rows(20, version)
        changed = replace(chained[7].entry, action="x")
        number = chained[7].version
        chained[7] = Row(changed, number, chain.link(changed, number))

        assert found(chained) == [("altered", 8, 8)]

    @pytest.mark.parametrize("number", [None, 3, -1], ids=["the other", "3", "-1"])
    def test_so_is_one_whose_version_was_altered(self, version: int, number: int | None) -> None:
        chained = rows(20, version)
        number = number or 3 - chained[7].version
        row = copied(chained[7])
        changed = row[:-38] + number.to_bytes(2, "big", signed=True) + row[-36:]
        walk = Walk()
        walk.read([*map(copied, chained[:7]), changed, *map(copied, chained[8:])])

        assert walk.findings == [Finding(Kind.ALTERED, 8, 8)]

    @pytest.mark.parametrize(("first", "last"), [(1, 1), (8, 8), (8, 12), (1, 19)])
    def test_removed_entries_are_named(self, version: int, first: int, last: int) -> None:
        chained = rows(20, version)
        del chained[first - 1 : last]

        assert found(chained) == [("removed", first, last)]

    def test_so_are_those_whose_followers_were_renumbered(self, version: int) -> None:
        chained = rows(20, version)
        left = [*chained[:7], *(moved(it, -2) for it in chained[9:])]

        assert found(left) == [("removed", 8, 9)]

    @pytest.mark.parametrize("is_hashed", [True, False])
    def test_an_inserted_entry_is_named(self, version: int, is_hashed: bool) -> None:
        chained = rows(20, version)
        forged = entry(8, chained[6].hash, action="forged")
        number = chained[6].version
        row = Row(forged, number, chain.link(forged, number) if is_hashed else bytes(32))
        longer = [*chained[:7], row, *(moved(it, 1) for it in chained[7:])]

        assert found(longer) == [("inserted", 8, 8)]

    def test_one_before_the_first_is_inserted(self, version: int) -> None:
        chained = rows(20, version)

        assert found([moved(chained[4], -9), *chained]) == [("inserted", -4, -4)]

    def test_one_of_each_is_found_at_once(self, version: int) -> None:
        chained = rows(30, version)
        forged = entry(21, chained[19].hash, action="forged")
        number = chained[19].version
        row = Row(forged, number, chain.link(forged, number))
        altered = replace(chained[4], entry=replace(chained[4].entry, subject_id="x"))
        tampered = [
            *chained[:4],
            altered,
            *chained[5:11],
            *chained[12:20],
            row,
            *(moved(it, 1) for it in chained[20:]),
        ]

        assert found(tampered) == [("altered", 5, 5), ("removed", 12, 12), ("inserted", 21, 21)]

    def test_what_was_cut_off_shows_by_an_exported_head(self, version: int) -> None:
        chained = rows(20, version)
        last = chained[-1].hash

        assert found(chained[:15]) == []
        assert found(chained[:15], Head(20, last)) == [("cut_off", 16, 20)]
        assert found(chained[:15], Head(0, last)) == [("cut_off", 16, 0)]

    def test_so_does_what_was_written_in_its_place(self, version: int) -> None:
        chained = rows(20, version)
        forged = [*chained[:15], *rows(9, 0, chained[14].hash, start=16)]
        other = replace(forged[15].entry, action="x")
        forged = [*chained[:15], Row(other, 2, chain.link(other))]
        for it in range(17, 25):
            one = entry(it, forged[-1].hash)
            forged.append(Row(one, 2, chain.link(one)))

        assert found(forged) == []
        assert found(forged, Head(20, chained[-1].hash)) == [("rewritten", 20, 20)]
        assert found(forged, Head(0, chained[-1].hash)) == [("cut_off", 25, 0)]

    def test_where_nothing_fits_it_stops(self, version: int) -> None:
        chained = [
            replace(it, entry=replace(it.entry, action="x"), hash=bytes(32))
            for it in rows(100, version)
        ]

        walk = walked(chained)

        assert walk.is_over
        assert len(walk.findings) == walking.MOST_FINDINGS
        assert walk.entries == walking.MOST_FINDINGS


class TestAHead:
    def test_it_is_read_with_its_place_and_without(self) -> None:
        digits = "ab" * 32

        assert Head.read(f" 12:{digits} ") == Head(12, bytes.fromhex(digits))
        assert Head.read(digits.upper()) == Head(0, bytes.fromhex(digits))

    @pytest.mark.parametrize("wrong", ["", "12", "x" * 64, "-1:" + "ab" * 32, "a:" + "ab" * 32])
    def test_what_is_none_is_refused(self, wrong: str) -> None:
        with pytest.raises(ValueError, match=r".*"):
            Head.read(wrong)
