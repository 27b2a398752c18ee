"""The invented people: seeded, in known numbers, and as committed."""

import csv
import json
from pathlib import Path

from local.data import generate, pools


class TestThePeopleFile:
    def test_it_is_what_the_generator_writes(self, tmp_path: Path) -> None:
        generate.write(tmp_path)

        for name in ("people.csv", "people.expected.json"):
            assert (tmp_path / name).read_bytes() == (generate.HERE / name).read_bytes()

    def test_its_numbers_sum(self) -> None:
        numbers = json.loads((generate.HERE / "people.expected.json").read_text("utf-8"))

        ledger = numbers["import"]
        assert ledger["rows"] == sum(ledger[name] for name in generate.OUTCOMES) == 2_000
        for channel in ("email", "sms"):
            run = numbers[channel]
            assert run["audience"] == run["planned"] + sum(run["excluded"].values())
            assert run["audience"] == ledger["created"]

    def test_people_who_share_an_address_have_different_names(self) -> None:
        with (generate.HERE / "people.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        made = [row for row, (_, o) in zip(rows, generate.people(), strict=True) if o == "created"]
        named = [(pools.plain(row["Họ và tên"]), row["Email"]) for row in made if row["Email"]]

        assert len(set(named)) == len(named)
        assert len({email for _, email in named}) == len(named) - 19
