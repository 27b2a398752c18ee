"""Ends of attempts that cannot be written down at the end are left to lapse, and said."""

from typing import Any

import pytest
from prometheus_client import REGISTRY
from psycopg import errors as refusals
from structlog.testing import capture_logs

from services.notifier.workers.leases import Leases
from services.notifier.workers.outcomes import Outcomes
from tests.unit.chassis.test_db_failures import told

UNUSED: Any = None


@pytest.fixture
def outcomes() -> Outcomes:
    """One end of an attempt, which no database ever hears of."""
    made = Outcomes(UNUSED, UNUSED, Leases(30.0), UNUSED, "smtp", lambda _: None)
    made._ended.append(UNUSED)
    return made


def crashes() -> float:
    labels = {"task": "outcomes smtp"}
    return REGISTRY.get_sample_value("mekong_background_crashes_total", labels) or 0.0


class TestTheLastOutcomes:
    @pytest.mark.parametrize(
        ("error", "said", "counted"),
        [
            (told(refusals.AdminShutdown()), "worker_waits", 0),
            (told(refusals.UndefinedTable()), "worker_step_failed", 1),
        ],
        ids=["the database is away", "a bug"],
    )
    async def test_are_left_to_lapse_and_a_bug_is_called_one(
        self,
        outcomes: Outcomes,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
        said: str,
        counted: int,
    ) -> None:
        async def fail() -> None:
            raise error

        monkeypatch.setattr(outcomes, "_flush_some", fail)
        before = crashes()

        with capture_logs() as logged:
            await outcomes.flush_last()

        assert [it["event"] for it in logged] == [said, "outcomes_left_to_lapse"]
        assert crashes() == before + counted
