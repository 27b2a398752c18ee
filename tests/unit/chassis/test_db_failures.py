"""What failed is told from what was in the way, and both from a part that is away."""

import psycopg
import pytest
from psycopg import errors as refusals
from sqlalchemy.exc import DBAPIError

from chassis.db import failures


def told(error: psycopg.Error) -> DBAPIError:
    """Return `error` as a session raises it."""
    found = DBAPIError.instance("SELECT 1", None, error, psycopg.Error)
    assert isinstance(found, DBAPIError)
    return found


class TestContention:
    @pytest.mark.parametrize(
        "kind",
        [refusals.SerializationFailure, refusals.DeadlockDetected, refusals.LockNotAvailable],
    )
    def test_locks_of_others_are_that_and_nothing_else(self, kind: type[psycopg.Error]) -> None:
        for error in (told(kind()), kind()):
            assert failures.is_contended(error)
            assert not failures.is_away(error)

    @pytest.mark.parametrize(
        "error",
        [
            told(refusals.UniqueViolation()),
            told(refusals.NotNullViolation()),
            told(refusals.InvalidTextRepresentation()),
            told(refusals.QueryCanceled()),
            RuntimeError(),
            TimeoutError(),
        ],
        ids=repr,
    )
    def test_what_is_refused_is_neither_that_nor_away(self, error: Exception) -> None:
        assert not failures.is_contended(error)
        assert not failures.is_away(error)

    @pytest.mark.parametrize(
        "error", [told(refusals.AdminShutdown()), told(refusals.TooManyConnections())], ids=repr
    )
    def test_a_server_that_goes_is_away_and_not_in_use(self, error: Exception) -> None:
        assert failures.is_away(error)
        assert not failures.is_contended(error)
