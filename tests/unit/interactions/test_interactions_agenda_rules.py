"""Whose work is asked for, and what of a reach is then left to be asked."""

from uuid import UUID

import pytest

from chassis.context import Level
from chassis.scope import Scope
from services.interactions.domain import agenda
from services.interactions.domain.agenda import Whose

ME, OTHER = UUID(int=1), UUID(int=2)
TEAM, OTHERS = UUID(int=3), UUID(int=4)


def reach(level: Level, team_id: UUID | None = TEAM) -> Scope:
    return Scope(level, str(ME), ME, team_id)


class TestLeft:
    @pytest.mark.parametrize(
        ("whose", "level"),
        [
            (Whose(user_id=ME), Level.OWN),
            (Whose(user_id=ME), Level.TEAM),
            (Whose(team_id=TEAM), Level.TEAM),
            (Whose(), Level.ALL),
        ],
    )
    def test_nothing_where_whose_it_is_says_it(self, whose: Whose, level: Level) -> None:
        assert agenda.left(whose, reach(level)).level is Level.ALL

    @pytest.mark.parametrize(
        ("whose", "level"),
        [
            (Whose(user_id=OTHER), Level.OWN),
            (Whose(user_id=OTHER), Level.TEAM),
            (Whose(team_id=TEAM), Level.OWN),
            (Whose(team_id=OTHERS), Level.TEAM),
            (Whose(), Level.OWN),
            (Whose(), Level.TEAM),
            (Whose(user_id=ME), Level.NONE),
            (Whose(team_id=TEAM), Level.NONE),
        ],
    )
    def test_all_of_it_otherwise(self, whose: Whose, level: Level) -> None:
        assert agenda.left(whose, reach(level)) == reach(level)

    def test_who_is_in_no_team_is_not_taken_for_those_of_none(self) -> None:
        none = reach(Level.TEAM, team_id=None)

        assert agenda.left(Whose(team_id=None), none) == none
