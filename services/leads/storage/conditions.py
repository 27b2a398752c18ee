"""A segment's definition as a condition on contacts; every value is a bound parameter."""

import calendar
import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, true

from services.leads.domain import consent, reachable, text
from services.leads.domain.conditions import CHOICES
from services.leads.domain.contact import Channel
from services.leads.domain.segment import (
    Bought,
    Comparison,
    Condition,
    Consented,
    Dates,
    Field,
    Group,
    Match,
    Question,
    Sources,
    Stages,
    Tags,
)
from services.leads.storage import arrays
from services.leads.storage.contact_lists import has_word, name
from services.leads.storage.tables import (
    consent_states,
    contact_addresses,
    contacts,
    transactions,
)

Truth = ColumnElement[bool]

_HOME_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_SEARCHED = {"display_name", "company", "reference_code"}
_LEAST_SEARCHED = 3


def compiled(group: Group, now: datetime) -> Truth:
    """Return what a definition asks of `contacts`; windows count back from `now`."""
    conditions = [_condition(it, now) for it in group.conditions]
    if not conditions:
        return true()
    if group.match is Match.ANY:
        return or_(*conditions)
    if group.match is Match.NONE:
        return not_(or_(*conditions))
    return and_(*conditions)


def _condition(condition: Condition, now: datetime) -> Truth:
    match condition:
        case Group():
            return compiled(condition, now)
        case Field():
            return _field(condition)
        case Tags(tags):
            return arrays.overlaps(contacts.c.tags, tags)
        case Sources(ids):
            return func.coalesce(contacts.c.source_id.in_(ids), false())
        case Stages(ids):
            return func.coalesce(contacts.c.life_stage_id.in_(ids), false())
        case Dates():
            return _dates(condition, now)
        case Consented():
            return consented(condition)
        case Bought():
            return _bought(condition, now)


def consented(it: Consented) -> Truth:
    """Return the condition that a consent is in force."""
    s = consent_states.c
    return exists().where(
        s.contact_id == contacts.c.id,
        s.advertiser_id == it.advertiser_id,
        s.given.bitwise_and(consent.cells(1 << it.purpose, 1 << it.channel)) != 0,
    )


def _field(it: Field) -> Truth:
    if it.name in CHOICES:
        return _choice(it)
    if it.name in ("phone", "email"):
        return _address(it)
    column = name() if it.name == "display_name" else contacts.c[it.name]
    if it.comparison is Comparison.PRESENT:
        return column != ""
    if it.comparison is Comparison.ABSENT:
        return column == ""
    folded = func.fold(column)
    return or_(*(_compared(folded, it, value) for value in it.values))


def _compared(folded: ColumnElement[str], it: Field, value: str) -> Truth:
    """Compare, asking the trigram index first where it knows the field."""
    value = text.line(value)
    held: Truth
    if it.comparison is Comparison.EQUALS:
        held = folded == func.fold(value)
    elif it.comparison is Comparison.STARTS_WITH:
        held = folded.like(func.fold(f"{_escaped(value)}%"))
    else:
        held = folded.like(func.fold(f"%{_escaped(value)}%"))
    if it.name in _SEARCHED and len(value) >= _LEAST_SEARCHED:
        return and_(has_word(value), held)
    return held


def _choice(it: Field) -> Truth:
    column = contacts.c[it.name]
    if it.comparison is Comparison.PRESENT:
        return column != 0
    if it.comparison is Comparison.ABSENT:
        return column == 0
    return column.in_([int(CHOICES[it.name][value.lower()]) for value in it.values])


def _address(it: Field) -> Truth:
    a = contact_addresses.c
    channel = Channel.SMS if it.name == "phone" else Channel.EMAIL
    held: list[Truth] = [a.contact_id == contacts.c.id, a.channel == channel]
    if it.comparison is Comparison.PRESENT:
        return exists().where(*held)
    if it.comparison is Comparison.ABSENT:
        return not_(exists().where(*held))
    one = _phone if it.name == "phone" else _email
    return exists().where(*held, or_(*(one(it.comparison, value) for value in it.values)))


def _email(comparison: Comparison, value: str) -> Truth:
    return _key(comparison, value.strip().lower())


def _phone(comparison: Comparison, value: str) -> Truth:
    if comparison is Comparison.EQUALS:
        return contact_addresses.c.key == (reachable.phone(value) or value)
    digits = re.sub(r"[^0-9]", "", value)
    if comparison is Comparison.STARTS_WITH:
        # "09" is how people of Vietnam begin what is stored as "+849".
        digits = f"+84{digits[1:]}" if digits.startswith("0") else f"+{digits}"
    return _key(comparison, digits)


def _key(comparison: Comparison, value: str) -> Truth:
    key = contact_addresses.c.key
    if comparison is Comparison.EQUALS:
        return key == value
    pattern = f"{_escaped(value)}%"
    return key.like(pattern if comparison is Comparison.STARTS_WITH else f"%{pattern}")


def _dates(it: Dates, now: datetime) -> Truth:
    if it.name == "birthday":
        return _birthday(it, now)
    column = contacts.c[it.name]
    held: list[Truth] = [column.is_not(None)]
    if it.within_days:
        held += [column >= now - timedelta(days=it.within_days), column <= now]
    if it.since is not None:
        held.append(column >= it.since)
    if it.until is not None:
        held.append(column < it.until)
    return and_(*held)


def _birthday(it: Dates, now: datetime) -> Truth:
    c = contacts.c
    if it.within_days:
        today = now.astimezone(_HOME_ZONE).date()
        return _day_of_year().in_(_coming_days(today, it.within_days))
    born = c.birth_year * 10_000 + _day_of_year()
    held: list[Truth] = [c.birth_year > 0]
    if it.since is not None:
        held.append(born >= _number(it.since))
    if it.until is not None:
        held.append(born < _number(it.until))
    return and_(*held)


def _day_of_year() -> ColumnElement[int]:
    return contacts.c.birth_month * 100 + contacts.c.birth_day


def _coming_days(today: date, within: int) -> list[int]:
    """The days from today on as 100 * month + day; 29 February is kept on the 28th."""
    days = [today + timedelta(days=it) for it in range(min(within, 366) + 1)]
    numbers = {it.month * 100 + it.day for it in days}
    if any((it.month, it.day) == (2, 28) and not calendar.isleap(it.year) for it in days):
        numbers.add(229)
    return sorted(numbers)


def _number(time: datetime) -> int:
    day = time.astimezone(_HOME_ZONE)
    return day.year * 10_000 + day.month * 100 + day.day


def _bought(it: Bought, now: datetime) -> Truth:
    t = transactions.c
    sale = exists().where(t.contact_id == contacts.c.id, t.is_sale, t.time <= now)
    if it.question is Question.NEVER_BOUGHT:
        return not_(sale)
    recent = sale.where(t.time >= now - timedelta(days=it.days))
    if it.question is Question.BOUGHT_WITHIN:
        return recent
    return and_(sale, not_(recent))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
