"""Writes people.csv: 2,000 invented people in the shape of a Vietnamese spreadsheet, seeded.

Run `python -m local.data.generate` to write the file and the numbers it must import to.
Names are drawn from common ones, addresses end in `.example`, subscriber numbers begin with
000: no row is a person. What is odd about a row is decided by its number, so that every count
in people.expected.json is known without importing anything.
"""

import csv
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from local.data import pools

HERE = Path(__file__).parent
SEED = 20260905
ROWS = 2_000
OUTCOMES = ("created", "updated", "skipped", "rejected")
HEADER = (
    *("STT", "Danh xưng", "Họ và tên", "Số điện thoại", "Email", "Địa chỉ", "Phường/Xã"),
    *("Tỉnh/Thành phố", "Ngày sinh", "Giới tính", "Nguồn", "Công ty", "Ghi chú"),
    *("Ngày đăng ký", "Kênh đồng ý", "Bằng chứng đồng ý"),
)


@dataclass(frozen=True)
class Person:
    """One row before it is written, in the order of HEADER after STT."""

    salutation: str
    name: str
    phone: str
    email: str
    street: str
    ward: str
    province: str
    birthday: str
    gender: str
    source: str
    company: str
    note: str
    registered: str
    channels: str
    evidence: str


def people(seed: int = SEED, rows: int = ROWS) -> Iterator[tuple[Person, str]]:
    """Yield `rows` people, each with what the import must make of it: created … rejected.

    The last twentieth of the rows is odd on purpose: repeated people, then bad values.
    """
    dice = random.Random(seed)
    odd = rows // 20
    made: list[Person] = []
    for number in range(rows - odd):
        person = _vary(_person(dice, number), number, made)
        made.append(person)
        yield person, "created"
    for number in range(odd):
        yield _odd(dice, number, odd, made, rows)


def _person(dice: random.Random, number: int) -> Person:
    female = dice.random() < 0.52
    family = dice.choices(pools.FAMILY, weights=range(len(pools.FAMILY), 0, -1))[0]
    middle, given = dice.choice(pools.FEMALE if female else pools.MALE)
    name = f"{family} {middle} {given}"
    place = dice.choice(pools.PLACES)
    born = date(1955, 1, 1) + timedelta(days=dice.randrange(18_500))
    registered = datetime(2026, 1, 5, 8) + timedelta(minutes=dice.randrange(350_000))  # noqa: DTZ001
    source = dice.choice(pools.SOURCES)
    return Person(
        salutation="Chị" if female else "Anh",
        name=name,
        phone=_written(dice, f"{dice.choice(pools.PREFIXES)}000{number:04d}"),
        email=f"{pools.plain(given)}.{pools.plain(family)}{number}@{dice.choice(pools.DOMAINS)}",
        street=f"{dice.randrange(1, 400)} {dice.choice(pools.STREETS)}",
        ward=dice.choice(place.wards),
        province=place.province,
        birthday=f"{born.day}/{born.month}/{born.year}",
        gender="Nữ" if female else "Nam",
        source=source,
        company=dice.choice(pools.COMPANIES) if dice.random() < 0.25 else "",
        note=dice.choice(pools.NOTES) if dice.random() < 0.15 else "",
        registered=f"{registered:%H:%M:%S} {registered.day}/{registered.month}/{registered.year}",
        channels="SMS, Email",
        evidence=f"Phiếu đăng ký {source} số {number + 1:05d}",
    )


def _written(dice: random.Random, digits: str) -> str:
    """Return `0…` digits as one of the ways in which people type telephone numbers."""
    return dice.choice(
        [
            digits,
            f"{digits[:4]} {digits[4:7]} {digits[7:]}",
            f"+84{digits[1:]}",
            f"84{digits[1:]}",
            f"'{digits}",
            digits[1:],
        ]
    )


def _vary(person: Person, number: int, made: list[Person]) -> Person:
    """Return the person with what its number stands for: no consent, no address, a shared one."""
    match number % 100:
        case 3 | 33 | 53 | 73 | 93:
            return replace(person, channels="", evidence="")
        case 7:
            return replace(person, channels="SMS")
        case 17:
            return replace(person, channels="Email")
        case 27 | 67:
            return replace(person, email="")
        case 47:
            return replace(person, phone="")
        case 88:
            return replace(person, email=made[-1].email)
    return person


def _odd(
    dice: random.Random, number: int, odd: int, made: list[Person], rows: int
) -> tuple[Person, str]:
    """Return a repeated person or one with a bad value."""
    old = made[number * 13 % len(made)]
    if number < odd * 4 // 10:
        return old, "skipped"
    if number < odd * 6 // 10:
        return replace(old, company=f"{pools.COMPANIES[0]} (chi nhánh {number})"), "updated"
    fresh = _person(dice, rows + number)
    bad = (
        replace(fresh, phone="0123"),
        replace(fresh, email="khong-phai-email"),
        replace(fresh, birthday="31/02/1990"),
        replace(fresh, name="", phone="", email="", company=""),
    )[number % 4]
    return bad, "rejected"


def expected(drawn: list[tuple[Person, str]]) -> dict[str, object]:
    """Return what the import and both campaigns to everybody must count."""
    outcomes = [outcome for _, outcome in drawn]
    made = [person for person, outcome in drawn if outcome == "created"]
    return {
        "import": {
            "rows": len(drawn),
            **{
                name: outcomes.count(name) for name in ("created", "updated", "skipped", "rejected")
            },
        },
        "email": _audience(made, "Email", [person.email for person in made]),
        "sms": _audience(made, "SMS", [person.phone for person in made]),
    }


def _audience(made: list[Person], channel: str, addresses: list[str]) -> dict[str, object]:
    """Divide the people as a CARE run of the channel does.

    Of those who share an address the first who agreed gets the message, the others are
    excluded as sharing; who has no consent is excluded for that, whatever the address.
    """
    counts = {"NO_ADDRESS": 0, "SHARED_ADDRESS": 0, "NO_CONSENT": 0}
    taken: set[str] = set()
    for person, address in zip(made, addresses, strict=True):
        if not address:
            counts["NO_ADDRESS"] += 1
        elif channel not in person.channels:
            counts["NO_CONSENT"] += 1
        elif address in taken:
            counts["SHARED_ADDRESS"] += 1
        else:
            taken.add(address)
    return {"audience": len(made), "planned": len(taken), "excluded": counts}


def write(folder: Path, seed: int = SEED, rows: int = ROWS) -> None:
    """Write people.csv (UTF-8 with BOM, as spreadsheets do) and people.expected.json."""
    drawn = list(people(seed, rows))
    with (folder / "people.csv").open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file, delimiter=",", lineterminator="\n")
        out.writerow(HEADER)
        for number, (person, _) in enumerate(drawn, 1):
            out.writerow([number, *person.__dict__.values()])
    text = json.dumps(expected(drawn), indent=2)
    (folder / "people.expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(HERE)
