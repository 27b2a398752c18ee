"""Follows the audit chain from row to row, and says where it breaks and how."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from services.accounts.domain import chain
from services.accounts.domain.chain import FIRST, Row

BEFORE_ALL = -(2**63)
MOST_FINDINGS = 20
"""After so many it goes no further: nothing in such a table can be believed."""

# How far rows may have been renumbered, to hide one that was put in or taken out.
_FURTHEST = 16
# Where a row that fits has the hash before, its place and its version (see `chain.COLUMNS`).
_PREVIOUS, _PLACE, _VERSION = slice(6, 38), slice(42, 50), slice(-38, -36)
_COVERED, _HASH = slice(2, -42), slice(-32, None)
_BEGIN, _V2 = b"\x00\x10\x00\x00\x00\x20", b"\x00\x02"
_SHA = hashlib.sha256(b"mekong audit 2")


class Kind(StrEnum):
    """What is wrong with entries."""

    ALTERED = "altered"
    REMOVED = "removed"
    INSERTED = "inserted"
    CUT_OFF = "cut_off"
    """An exported head is further than the chain goes now, or is nowhere in it."""
    REWRITTEN = "rewritten"
    """An exported head says that another entry was here."""


@dataclass(frozen=True)
class Finding:
    """Entries from the place `first` to `last` (0: nobody knows) that were tampered with."""

    kind: Kind
    first: int
    last: int


@dataclass(frozen=True)
class Head:
    """What the chain ended with once; its place is 0 where only the hash is known."""

    sequence: int
    hash: bytes

    @classmethod
    def read(cls, text: str) -> "Head":
        """Reads "PLACE:HASH" or "HASH", the hash in hexadecimal; raises `ValueError`."""
        place, _, digits = text.strip().rpartition(":")
        head = cls(int(place) if place else 0, bytes.fromhex(digits))
        if len(head.hash) != len(FIRST) or head.sequence < 0:
            raise ValueError("not a head")
        return head


@dataclass
class Walk:
    """How far the chain was followed, and what was found; rows come in order of their places."""

    place: int = BEFORE_ALL
    """Of the last row that was read."""
    sequence: int = 0
    """Of the last row that is in its place."""
    expected: tuple[bytes, ...] = (FIRST,)
    """One of these is what the next row is chained to; none: it may be anything."""
    shift: int = 0
    """By how much the rows that follow were renumbered."""
    entries: int = 0
    findings: list[Finding] = field(default_factory=list)
    sought: set[bytes] = field(default_factory=set)
    """Exported heads whose places nobody knows, and that were not met yet."""

    @property
    def is_over(self) -> bool:
        """Whether more rows would tell nothing more."""
        return len(self.findings) >= MOST_FINDINGS

    @property
    def head(self) -> bytes:
        """The hash of the last row."""
        return self.expected[0] if self.expected else FIRST

    def read(self, rows: Sequence[bytes]) -> None:
        """Follows the next rows, each as `chain.row` makes it."""
        at = 0
        while at < len(rows) and not self.is_over:
            at += self._fitting(rows, at)
            if at < len(rows):
                self._look(rows[at])
                at += 1
        self.entries += at

    def _fitting(self, rows: Sequence[bytes], start: int) -> int:
        """Passes over the rows that are as they should be; returns how many."""
        if len(self.expected) != 1 or self.shift:
            return 0
        (previous,), sequence, hashed = self.expected, self.sequence, _SHA.copy
        at = start
        for at in range(start, len(rows)):
            row = rows[at]
            sha = hashed()
            sha.update(row[_COVERED])
            found = sha.digest()
            if (
                found != row[_HASH]
                or row[_PREVIOUS] != previous
                or row[_PLACE] != (sequence + 1).to_bytes(8, "big")
                or row[_VERSION] != _V2
                or row[:6] != _BEGIN
            ):
                break
            previous, sequence = found, sequence + 1
        else:
            at = len(rows)
        if at > start:
            self.expected, self.sequence, self.place = (previous,), sequence, sequence
        return at - start

    def _look(self, copied: bytes) -> None:
        """Looks closely at a row that is of an older version or does not fit."""
        row = Row.read(copied)
        place = self.place = row.entry.sequence
        if place <= self.sequence:
            self._found(Kind.INSERTED, place)
            return
        if place > self.sequence + 1:
            self._found(Kind.REMOVED, self.sequence + 1 - self.shift, place - 1 - self.shift)
            self.expected = ()
        self.sequence = place
        shift = self._shift(row)
        if shift is None:
            self._found(Kind.ALTERED, place)
            self.expected = (row.hash, _link(row, self.shift))
            return
        if shift > self.shift:
            self._were_inserted(place - (shift - self.shift), place - 1)
        elif shift < self.shift:
            self._found(Kind.REMOVED, place - self.shift, place - shift - 1)
        elif self.expected and row.entry.previous_hash not in self.expected:
            # It is as it was made: what it was chained to is not what is before it now.
            self._found(Kind.ALTERED, max(place - 1, 1))
        self.shift, self.expected = shift, (row.hash,)

    def _shift(self, row: Row) -> int | None:
        """By how much a row that is else as it was made was renumbered; None: it is not."""
        near = sorted(range(-_FURTHEST, _FURTHEST + 1), key=abs)
        shifts = (self.shift + it for it in near)
        return next((it for it in shifts if _link(row, it) == row.hash), None)

    def _were_inserted(self, first: int, last: int) -> None:
        self.findings = [it for it in self.findings if not first <= it.first <= it.last <= last]
        self._found(Kind.INSERTED, first, last)

    def _found(self, kind: Kind, first: int, last: int | None = None) -> None:
        finding = Finding(kind, first, first if last is None else last)
        if not any(it.first <= finding.first and finding.last <= it.last for it in self.findings):
            self.findings.append(finding)

    def compare(self, rows: Sequence[bytes], heads: Mapping[int, bytes]) -> None:
        """Holds rows that were read against what was exported: the hash by place."""
        if self.sought:
            self.sought -= {row[_HASH] for row in rows}
        for row in rows if heads else ():
            place = int.from_bytes(row[_PLACE], "big", signed=True)
            exported = heads.get(place)
            if exported is not None and exported != row[_HASH]:
                self._found(Kind.REWRITTEN, place)

    def end(self, heads: Mapping[int, bytes]) -> None:
        """Says what is missing at the end, once all rows were read."""
        furthest = max(heads, default=0)
        if self.is_over:
            return
        if furthest > self.sequence:
            self._found(Kind.CUT_OFF, self.sequence + 1, furthest)
        elif self.sought:
            self._found(Kind.CUT_OFF, self.sequence + 1, 0)

    def state(self) -> dict[str, Any]:
        """What `resumed` takes, of what JSON can hold."""
        return {
            "place": self.place,
            "sequence": self.sequence,
            "expected": [it.hex() for it in self.expected],
            "shift": self.shift,
            "entries": self.entries,
            "sought": [it.hex() for it in self.sought],
            "findings": [[it.kind.value, it.first, it.last] for it in self.findings],
        }

    @classmethod
    def resumed(cls, state: Mapping[str, Any]) -> "Walk":
        """Goes on where another walk was."""
        return cls(
            place=state["place"],
            sequence=state["sequence"],
            expected=tuple(map(bytes.fromhex, state["expected"])),
            shift=state["shift"],
            entries=state["entries"],
            sought=set(map(bytes.fromhex, state["sought"])),
            findings=[Finding(Kind(kind), first, last) for kind, first, last in state["findings"]],
        )


def by_place(heads: Iterable[Head]) -> dict[int, bytes]:
    """Returns the hashes of heads by their places; an empty chain's says nothing."""
    return {it.sequence: it.hash for it in heads if it.sequence}


def unplaced(heads: Iterable[Head]) -> set[bytes]:
    """Returns the hashes of heads whose places nobody knows."""
    return {it.hash for it in heads if not it.sequence and it.hash != FIRST}


def _link(row: Row, shift: int) -> bytes:
    entry = row.entry
    moved = replace(entry, sequence=entry.sequence - shift) if shift else entry
    return chain.link(moved, row.version)
