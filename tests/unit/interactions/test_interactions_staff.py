"""Who may answer requests of customers, by the rights of their role."""

import pytest
from crm.accounts.v1 import user_pb2

from chassis.context import Level
from services.interactions.clients import staff


@pytest.mark.parametrize(
    ("rights", "level"),
    [
        ([("requests", "write", "ALL")], Level.ALL),
        ([("requests", "*", "TEAM")], Level.TEAM),
        ([("*", "*", "ALL")], Level.ALL),
        ([("*", "*", "ALL"), ("requests", "write", "NONE")], Level.NONE),
        ([("requests", "write", "OWN")], Level.NONE),
        ([("requests", "read", "ALL")], Level.NONE),
        ([], Level.NONE),
    ],
    ids=["all", "team by any action", "everything", "everything but", "own", "only read", "none"],
)
def test_the_most_precise_right_counts(rights: list[tuple[str, str, str]], level: Level) -> None:
    given = [
        user_pb2.Right(resource=it, action=action, level=user_pb2.Level.Value(f"LEVEL_{reach}"))
        for it, action, reach in rights
    ]

    assert staff._level(given) is level
