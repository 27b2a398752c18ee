"""Says what messages hold in the words of a page: choices, values, conditions of segments."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from crm.leads.v1 import contact_pb2, segment_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.gateway.languages import Language
from services.gateway.web import desk, formats, lookups, names, words

AGES = (
    ("year", 365 * 86_400),
    ("month", 30 * 86_400),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)
"""How long what is told of in a unit is at least, in seconds, the longest first."""
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def ident(name: str) -> str:
    """Return an input's name as an id: `phones[0].number` is phones-0-number."""
    return name.replace("[", "-").replace("]", "").replace(".", "-")


def pairs(items: Iterable[Any], shown: str = "name") -> list[tuple[str, str]]:
    """Return (id, name) of resources, for a select."""
    return [(it.id, getattr(it, shown)) for it in items]


def with_words(values: Iterable[str], family: str) -> list[tuple[str, str]]:
    """Return (short name, word) of an enum's values, for a select."""
    return [(it, words.known(desk.language(), f"{family}.{it}", it)) for it in values]


def source_words(sources: Iterable[str]) -> str:
    """Return the names of services as readers know them."""
    return ", ".join(words.known(desk.language(), f"source.{it}", it) for it in sources)


def ago(time: Timestamp, now: datetime) -> str:
    """Return how long ago a time was."""
    return age(desk.language(), (now - time.ToDatetime(tzinfo=UTC)).total_seconds())


def age(language: Language, seconds: float) -> str:
    """Return "3 days ago", in the largest unit that fits; "just now" below a minute."""
    for unit, length in AGES:
        number = int(seconds // length)
        if number > 0:
            return words.text(language, f"ago.{unit}" if number == 1 else f"ago.{unit}s", n=number)
    return words.text(language, "ago.now")


def birthday(date: contact_pb2.PartialDate) -> str:
    """Return a birthday, without the year when it is not known."""
    if desk.language() == "vi":
        return f"{date.day:02d}/{date.month:02d}" + (f"/{date.year}" if date.year else "")
    month = formats.MONTHS[date.month - 1] if 1 <= date.month <= 12 else str(date.month)
    return f"{date.day} {month}" + (f" {date.year}" if date.year else "")


def input_word(name: str) -> str:
    """Return what an input of a contact's form is called."""
    for family, place in (("phones[", "contact.phone_n"), ("emails[", "contact.email_n")):
        if name.startswith(family):
            number = name.removeprefix(family).split("]")[0]
            return desk.t(place, n=int(number) + 1 if number.isdigit() else number)
    last = name.rsplit(".", 1)[-1]
    if name.startswith("birthday."):
        return desk.t(f"contact.birthday_{last}")
    key = {"source_id": "contacts.source", "owner_ids": "contacts.owner"}.get(
        name, f"contact.{last}"
    )
    return words.known(desk.language(), key, last)


def shown_value(name: str, value: str) -> str:
    """Return an input's value as the form shows it: names for ids, words for choices."""
    if name == "source_id":
        return lookups.source_name(value)
    if name == "owner_ids":
        return ", ".join(lookups.user_name(it) for it in value.split(", ") if it)
    family = {"gender": "gender", "preferred_channel": "channel"}.get(name)
    return words.known(desk.language(), f"{family}.{value}", value) if family and value else value


def delimiter_name(delimiter: str) -> str:
    """Return the catalogue's name of a delimiter."""
    return DELIMITERS.get(delimiter, delimiter)


def condition_text(condition: segment_pb2.Condition) -> str:
    """Return one condition of a segment as a sentence."""
    kind = condition.WhichOneof("kind") or ""
    tell = _CONDITIONS.get(kind)
    return tell(getattr(condition, kind)) if tell else kind


def _group(group: segment_pb2.Group) -> str:
    joint = desk.t(f"segments.match_{names.short(segment_pb2.Match, group.match or 1)}")
    return f"{joint} ({'; '.join(condition_text(it) for it in group.conditions)})"


def _field(it: segment_pb2.FieldCondition) -> str:
    language = desk.language()
    name = words.known(language, f"field.{it.field}", it.field)
    comparison = desk.t(f"comparison.{names.short(segment_pb2.Comparison, it.comparison)}")
    family = {"kind": "kind", "status": "status", "gender": "gender"}.get(it.field, "")
    values = [words.known(language, f"{family}.{value}", value) for value in it.values]
    return f"{name} {comparison} {', '.join(values)}".strip()


def _date(it: segment_pb2.DateCondition) -> str:
    name = words.known(desk.language(), f"field.{it.field}", it.field)
    if it.within_days:
        return f"{name}: {desk.t('segments.within_days', n=it.within_days)}"
    zone, language = desk.time_zone(), desk.language()
    start = formats.moment(language, getattr(it, "from"), zone)
    return f"{name}: {start} – {formats.moment(language, it.until, zone)}"


def _consent(it: segment_pb2.ConsentCondition) -> str:
    purpose = desk.t(f"purpose.{names.short(contact_pb2.Purpose, it.purpose)}")
    channel = desk.t(f"channel.{names.short(contact_pb2.Channel, it.channel)}")
    return f"{desk.t('consents.title')}: {purpose}, {channel}"


def _bought(it: segment_pb2.TransactionCondition) -> str:
    question = names.short(segment_pb2.TransactionQuestion, it.question)
    days = f" ({desk.t('segments.n_days', n=it.days)})" if it.days else ""
    return f"{desk.t(f'question.{question}')}{days}"


_CONDITIONS: dict[str, Any] = {
    "group": _group,
    "field": _field,
    "tag": lambda it: f"{desk.t('contacts.tag')}: {', '.join(it.tags)}",
    "source": lambda it: (
        f"{desk.t('contacts.source')}: "
        + ", ".join(lookups.source_name(one) for one in it.source_ids)
    ),
    "life_stage": lambda it: (
        f"{desk.t('contacts.stage')}: "
        + ", ".join(lookups.stage_name(one) for one in it.life_stage_ids)
    ),
    "date": _date,
    "consent": _consent,
    "transaction": _bought,
}
