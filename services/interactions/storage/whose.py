"""Whose work is meant, as conditions that each have an index."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, literal_column
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import Uuid

from services.interactions.domain.agenda import Whose

_SOMEBODY = UUID(int=0)


def arms(whose: Whose, people: str, table: Any) -> Sequence[ColumnElement[bool]]:
    """Returns conditions that each have an index, and of which a row meets at most one.

    `people` is a column of ids (`contacts.owner_ids`). The first of the people has an index that
    gives pages in order; those after it share one. The values are those of `given`.
    """
    if whose.user_id is not None:
        person: Any = bindparam("whose_user", type_=Uuid)
        first: ColumnElement[UUID] = literal_column(f"({people}[1])", Uuid)
        column = table.c[people.partition(".")[2]]
        # Word for word as in the index.
        several: ColumnElement[bool] = literal_column(f"cardinality({people}) > 1")
        among = column.contains(array([person], type_=Uuid))
        return [first == person, several & among & (first != person)]
    if whose.team_id is not None:
        return [table.c.team_id == bindparam("whose_team", type_=Uuid)]
    return [literal_column("true")]


def page(query: Select[Any], arm: int, by: Sequence[Any], size: Any) -> Select[Any]:
    """Returns the rows of an arm that a page of `size` may need: of the first the first by `by`.

    The second has few, which are taken whole: asked for them in order, PostgreSQL would rather
    walk through everybody's in that order, which took a second among a million.
    """
    if arm:
        return query.offset(literal_column("0"))
    return query.order_by(*by).limit(size)


def shape(whose: Whose) -> Whose:
    """Returns the same of nobody in particular, which has the same conditions."""
    return Whose(whose.user_id and _SOMEBODY, whose.team_id and _SOMEBODY)


def given(whose: Whose) -> Mapping[str, object]:
    """Returns the values of the conditions."""
    return {"whose_user": whose.user_id, "whose_team": whose.team_id}
