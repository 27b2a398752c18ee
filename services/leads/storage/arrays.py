"""Lists as one bound parameter, of the type the array columns have."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text, Uuid


def overlaps(column: ColumnElement[list[str]], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a text array has any of the values."""
    return _filled(column) & column.op("&&", is_comparison=True)(literal([*values], ARRAY(Text)))


def has_all(column: ColumnElement[list[str]], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a text array has all of the values."""
    return _filled(column) & column.op("@>", is_comparison=True)(literal([*values], ARRAY(Text)))


def has_any_id(column: ColumnElement[list[UUID]], ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Return the condition that a UUID array has any of the ids."""
    overlap = column.op("&&", is_comparison=True)(literal([*ids], ARRAY(Uuid)))
    return not_empty(column) & overlap


def not_empty(column: ColumnElement[list[UUID]]) -> ColumnElement[bool]:
    """Return the condition that a UUID array has anything."""
    return column != literal([], ARRAY(Uuid))


def _filled(column: ColumnElement[list[str]]) -> ColumnElement[bool]:
    # Says to the planner that the partial index, which leaves empty arrays out, will do.
    return column != literal([], ARRAY(Text))
