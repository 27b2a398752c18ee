"""The main job over real processes: everything sums, and the peers hold what was said."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from bench.jobs import access
from local.data import pools
from local.demo import main as main_job
from local.demo.api import Api
from local.demo.table import audience_sum, planned_sum
from local.running import House
from tests.e2e.conftest import Demo

KNOWN = json.loads((main_job.PEOPLE.parent / "people.expected.json").read_text("utf-8"))
PERSONAL = re.compile("|".join([*map(re.escape, pools.DOMAINS), r"\+84\d{2}000\d{4}"]))

PEOPLE = """\
Họ và tên,Số điện thoại,Email,Kênh đồng ý,Bằng chứng đồng ý
Lê Thị Mận,090 111 0001,man@e2e.example,"SMS, Email",Phiếu 1
Trần Văn Ổi,0901110002,oi@e2e.example,Email,Phiếu 2
Lê Thị Mận,0901110001,man@e2e.example,"SMS, Email",Phiếu 1
Bùi Văn Xoài,0901110004,man@e2e.example,"SMS, Email",Phiếu 4
Đỗ Thị Cam,0901110005,cam@e2e.example,,
Hồ Văn Quýt,12,quyt@e2e.example,"SMS, Email",Phiếu 6
"""

pytestmark = pytest.mark.timeout(300)


class TestTheMainJob:
    def test_it_exits_0_and_shows_that_every_sum_holds(self, demo: Demo) -> None:
        assert demo.code == 0, demo.output
        assert "✗" not in demo.output
        assert demo.output.count("✓ id by id") == 2

    def test_no_service_logged_an_error(self, demo: Demo) -> None:
        errors = [
            line
            for log in sorted((demo.home / "logs").glob("*.log*"))
            for line in log.read_text().splitlines()
            if '"level": "error"' in line
        ]

        assert demo.code == 0
        assert errors == []

    def test_the_logs_name_nobody(self, demo: Demo) -> None:
        logs = sorted((demo.home / "logs").glob("*.log*"))

        named = {log.name for log in logs if PERSONAL.search(log.read_text())}

        assert any(log.stat().st_size for log in logs)
        assert named == set()


class TestASecondStart:
    async def test_it_finds_the_people(self, demo: Demo, api: Api) -> None:
        found = [it async for it in api.every("/contacts", "contacts")]

        # Tests that came before this one have people of their own.
        first = [it for it in found if datetime.fromisoformat(it["create_time"]) < demo.ended]
        assert len(first) == KNOWN["import"]["created"]

    @pytest.mark.parametrize("channel", ["EMAIL", "SMS"])
    async def test_it_finds_the_runs_with_the_known_counts(self, api: Api, channel: str) -> None:
        runs = [it async for it in api.every("/runs", "runs") if it["channel"] == channel]

        run = min(runs, key=lambda it: str(it["create_time"]))
        known = KNOWN[channel.lower()]
        excluded = {it["reason"]: it["count"] for it in run["excluded"]}
        assert (run["audience"], run["planned"]) == (known["audience"], known["planned"])
        assert excluded == {name: count for name, count in known["excluded"].items() if count}
        assert run["counts"]["accepted"] + run["counts"]["delivered"] == known["planned"]


class TestAFileOfOnesOwn:
    async def test_it_does_the_same_and_sums(self, house: House, api: Api, tmp_path: Path) -> None:
        file = tmp_path / "my people.csv"
        file.write_text(PEOPLE, encoding="utf-8")
        state = house.state

        code = await main_job.run(main_job.House(access(state), state["inbox_url"]), file)

        imports = await api.get("/imports", page_size=1)
        ledger = imports["imports"][0]["ledger"]
        runs = {it["channel"]: it for it in (await api.get("/runs", page_size=2))["runs"]}
        assert code == 0
        assert ledger == {"rows": 6, "created": 4, "updated": 0, "skipped": 1, "rejected": 1}
        assert {channel: run["planned"] for channel, run in runs.items()} == {"EMAIL": 2, "SMS": 2}
        assert all(audience_sum(it).holds and planned_sum(it).holds for it in runs.values())
