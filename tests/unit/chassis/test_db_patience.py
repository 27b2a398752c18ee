"""A step that fails for want of a part is waited for; one that fails by itself is a crash."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg import errors as refusals
from sqlalchemy import exc
from structlog.testing import capture_logs

from chassis import errors
from chassis.db.patience import patiently
from tests.unit.chassis.test_db_failures import told

AWAY: list[Exception] = [
    told(refusals.AdminShutdown()),
    told(psycopg.OperationalError()),
    exc.TimeoutError(),
    ConnectionResetError(),
    TimeoutError(),
    errors.Unavailable("BROKER_AWAY", "the broker is away"),
]
FAILED: list[Exception] = [
    told(refusals.UndefinedTable()),
    told(refusals.UniqueViolation()),
    told(refusals.QueryCanceled()),
    told(refusals.LockNotAvailable()),
    exc.InvalidRequestError(),
]


def crashes(worker: str) -> float:
    labels = {"task": worker}
    return REGISTRY.get_sample_value("mekong_background_crashes_total", labels) or 0.0


async def fail(error: Exception) -> list[str]:
    """Have a step of `sweeper` fail by `error`; return the events that were logged."""

    async def step() -> None:
        raise error

    with capture_logs() as logged:
        assert not await patiently(step, name="sweeper")
    return of_sweeper(logged)


def of_sweeper(logged: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the events of `sweeper`; what other tests left running logs as well."""
    return [it["event"] for it in logged if it.get("worker") == "sweeper"]


class TestAStep:
    @pytest.mark.parametrize("error", FAILED, ids=repr)
    async def test_that_fails_though_nothing_is_away_counts_as_a_crash(
        self, error: Exception
    ) -> None:
        before = crashes("sweeper")

        assert await fail(error) == ["worker_step_failed"]
        assert crashes("sweeper") == before + 1

    @pytest.mark.parametrize("error", AWAY, ids=repr)
    async def test_that_misses_a_part_waits_and_counts_as_none(self, error: Exception) -> None:
        before = crashes("sweeper")

        assert await fail(error) == ["worker_waits"]
        assert crashes("sweeper") == before

    async def test_that_is_done_says_nothing(self) -> None:
        async def step() -> None:
            """Do nothing."""

        with capture_logs() as logged:
            assert await patiently(step, name="sweeper")
        assert of_sweeper(logged) == []

    async def test_with_a_bug_of_another_kind_ends_the_task(self) -> None:
        with pytest.raises(KeyError):
            await fail(KeyError())
