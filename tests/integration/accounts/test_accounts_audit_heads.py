"""Heads that were kept elsewhere say what was cut off, however the chain was changed."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.accounts import metrics, workers
from services.accounts.domain.chain import FIRST
from services.accounts.domain.walking import Head
from services.accounts.storage import heads as kept_heads
from services.accounts.usecases import heads
from tests.integration.accounts.audit_parts import chained_house as chained_house
from tests.integration.accounts.audit_parts import found, head


class TestHeads:
    async def test_one_is_exported_an_hour_whoever_tries(
        self, chained_house: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "heads.jsonl"

        async def export() -> bool:
            async with chained_house.sessions.begin() as session:
                return await heads.export(session, file) is not None

        # May cross the hour's end: then there are two, each once.
        made = await asyncio.gather(*(export() for _ in range(6)))
        assert sum(made) in (1, 2)

        lines = [json.loads(it) for it in file.read_text().splitlines()]
        assert len({it["hour"] for it in lines}) == len(lines) == sum(made)
        assert next(heads.read(file)) == await head(chained_house)
        async with chained_house.sessions.begin() as session:
            assert await kept_heads.behind(session, 0) == [await head(chained_house)]
            assert await kept_heads.behind(session, 10) == []

    async def test_one_that_could_not_be_written_is_tried_again(
        self, chained_house: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "away" / "heads.jsonl"
        for _ in range(2):
            with pytest.raises(FileNotFoundError):
                async with chained_house.sessions.begin() as session:
                    await heads.export(session, file)
        file.parent.mkdir()

        async with chained_house.sessions.begin() as session:
            assert await heads.export(session, file) is not None

        assert len(list(heads.read(file))) == 1

    async def test_what_was_written_before_a_commit_that_failed_is_not_written_twice(
        self, chained_house: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "heads.jsonl"
        for _ in range(2):
            async with chained_house.sessions() as session:  # rolled back
                await heads.export(session, file)
        async with chained_house.sessions.begin() as session:
            exported = await heads.export(session, file)

        assert exported is not None
        hours = [json.loads(it)["hour"] for it in file.read_text().splitlines()]
        assert len(hours) == len(set(hours)) in (1, 2)

    async def test_of_an_empty_chain_it_says_so(self, house: Any) -> None:
        async with house.sessions.begin() as session:
            exported = await heads.export(session, None)

        assert exported is not None
        assert exported.head == Head(0, FIRST)
        assert await found(house) == []

    async def test_the_task_tells_when_the_last_one_was(
        self, chained_house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(workers, "_HEAD_SECONDS", 0.01)
        told, exported = list[float](), asyncio.Event()

        def tell(at: float) -> None:
            told.append(at)
            exported.set()

        monkeypatch.setattr(metrics.audit_head_time, "set", tell)
        file = tmp_path / "away" / "heads.jsonl"
        task = asyncio.create_task(workers.export_heads(chained_house.sessions, file)())
        await asyncio.sleep(0)
        file.parent.mkdir()
        try:
            async with asyncio.timeout(20):
                await exported.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        async with chained_house.sessions.begin() as session:
            newest = await kept_heads.newest(session)
        assert newest is not None
        assert told[0] == newest.timestamp()


class TestTheFile:
    DONE = kept_heads.Exported(
        datetime(2026, 3, 1, 8, tzinfo=UTC),
        Head(3, bytes(32)),
        datetime(2026, 3, 1, 8, 1, tzinfo=UTC),
    )

    def test_a_line_that_was_cut_off_is_passed_over(self, tmp_path: Path) -> None:
        file = tmp_path / "heads.jsonl"
        file.write_text('{"hour": "2026-03-01T08:00:00+00:00", "sequ')

        heads.append(file, self.DONE)
        heads.append(file, self.DONE)

        assert list(heads.read(file)) == [Head(3, bytes(32))]
        assert file.read_text().count("\n") == 2
