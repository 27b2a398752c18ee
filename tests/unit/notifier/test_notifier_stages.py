"""Processor time by stage: each second counted once, waiting not at all."""

import asyncio
import time

import pytest
from prometheus_client import REGISTRY

from services.notifier import stages


def spin(seconds: float) -> None:
    """Uses the processor for so long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


class Spent:
    """What was counted since it was made."""

    def __init__(self) -> None:
        self._before = stages.totals()

    def __getitem__(self, name: str) -> float:
        return stages.totals()[name] - self._before[name]


@pytest.fixture
def spent() -> Spent:
    return Spent()


class TestBlock:
    def test_what_runs_inside_another_stage_counts_once(self, spent: Spent) -> None:
        with stages.spent("claim"):
            spin(0.01)
            with stages.spent("gates"):
                spin(0.02)
            spin(0.01)

        assert 0.02 <= spent["claim"] < 0.03
        assert 0.02 <= spent["gates"] < 0.03

    def test_a_sample_stands_for_many(self, spent: Spent) -> None:
        with stages.spent("smtp", times=16):
            spin(0.002)

        assert 0.032 <= spent["smtp"] < 0.06

    def test_an_error_ends_the_stage(self, spent: Spent) -> None:
        with pytest.raises(ValueError, match="broken"), stages.spent("chunk"):
            raise ValueError("broken")
        spin(0.01)

        assert spent["chunk"] < 0.005


class TestCoroutine:
    async def test_it_counts_its_own_steps_and_not_those_of_others(self, spent: Spent) -> None:
        async def work() -> int:
            spin(0.01)
            await asyncio.sleep(0)  # the other spins meanwhile
            spin(0.01)
            return 7

        async def other() -> None:
            spin(0.03)

        counting = asyncio.create_task(stages.during("open", work()))
        await asyncio.gather(counting, other())

        assert counting.result() == 7
        assert 0.02 <= spent["open"] < 0.03

    async def test_what_is_raised_into_it_arrives(self) -> None:
        cancelled = []

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        task = asyncio.create_task(stages.during("open", work()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

        assert task.cancelled()
        assert cancelled

    async def test_what_it_raises_arrives(self) -> None:
        async def work() -> None:
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            await stages.during("open", work())


class TestMetric:
    def test_prometheus_is_told(self) -> None:
        before = _told("report")
        with stages.spent("report"):
            spin(0.005)

        assert _told("report") >= before + 0.005


def _told(stage: str) -> float:
    name = "mekong_notifier_stage_seconds_total"
    return REGISTRY.get_sample_value(name, {"stage": stage}) or 0.0
