"""A file of as many invented people as wanted, with telephone numbers that are nobody's."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from local.data import generate, pools

MOST = len(pools.PREFIXES) * 10_000 // 2
_VALID_DIGITS = range(9, 12)  # what is shorter is a bad value on purpose


def write(file: Path, rows: int) -> None:
    """Write `rows` people as people.csv has them. Raises ValueError above MOST rows."""
    if rows > MOST:
        raise ValueError(f"there are numbers for {MOST:,} people only")
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(generate.HEADER)
        for number, person in enumerate(_people(rows), 1):
            table.writerow([number, *person.__dict__.values()])


def _people(rows: int) -> Iterator[generate.Person]:
    """Yield the generator's people; beyond 10,000 its numbers would grow a digit too many."""
    numbers: dict[str, int] = {}
    for person, _ in generate.people(rows=rows):
        digits = re.sub(r"^(84|0)", "", re.sub(r"\D", "", person.phone))
        if len(digits) in _VALID_DIGITS:
            number = numbers.setdefault(digits, len(numbers))
            prefix = pools.PREFIXES[number // 10_000]
            person = replace(person, phone=f"{prefix}000{number % 10_000:04d}")
        yield person
