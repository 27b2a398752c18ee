"""Between the inputs of a contact's form and the message of leads."""

import re
from collections.abc import Sequence

from crm.leads.v1 import contact_pb2

from services.gateway.web import desk, names
from services.gateway.web.forms import Form

LINES = (
    "salutation family_name given_name display_name company job_title reference_code description "
    "source_id"
).split()
ADDRESS = ("street", "ward", "province", "postal_code")
BIRTHDAY = ("day", "month", "year")
LISTS = {"phones": "number", "emails": "address"}
MASK = (
    *LINES,
    *("phones", "emails", "gender", "birthday", "address", "preferred_channel", "owner_ids"),
    "tags",
)
MOST_ROWS = 10


def mask() -> list[str]:
    """Return what a form changes: all it has, but for what is hidden from who fills it."""
    return [it for it in MASK if not desk.hides(f"contacts.{it}")]


_ROW = re.compile(r"(phones|emails)\[(\d+)\]\.(number|address)")


def rows(form: Form, name: str) -> range:
    """Return the rows to show of a repeated input: those filled, and one to fill."""
    filled = sum(1 for key, value in form.values.items() if _is_row(key, name) and value.strip())
    return range(min(filled + 1, MOST_ROWS))


def _is_row(key: str, name: str) -> bool:
    found = _ROW.fullmatch(key)
    return found is not None and found.group(1) == name


def compacted(form: Form) -> Form:
    """Close the gaps that empty rows leave, so that a row has the place its value is sent at."""
    for name, part in LISTS.items():
        kept = []
        for place in range(MOST_ROWS):
            row = {
                key: form.values.pop(f"{name}[{place}].{key}", "").strip()
                for key in (part, "label", "primary")
            }
            if row[part]:
                kept.append(row)
        for place, row in enumerate(kept):
            for key, value in row.items():
                form.values[f"{name}[{place}].{key}"] = value
    return form


def inputs(form: Form) -> list[str]:
    """Return every input that can show what is wrong with it."""
    repeated = [key for key in form.values if _ROW.fullmatch(key)]
    parts = [f"address.{it}" for it in ADDRESS] + ["birthday"]
    more = ["gender", "preferred_channel", "owner_ids", "tags", "phones[0].number"]
    return [*LINES, *repeated, *parts, *more, "emails[0].address"]


def read(form: Form, stored: contact_pb2.Contact | None) -> contact_pb2.Contact:
    """Return the contact that was typed; what is no number where one belongs is noted."""
    contact = contact_pb2.Contact(**{name: form.get(name) for name in LINES})  # type: ignore[arg-type]
    if stored is not None and _to_be_composed(form, stored):
        contact.display_name = ""
    for place in range(MOST_ROWS):
        if number := form.get(f"phones[{place}].number"):
            row = f"phones[{place}]"
            contact.phones.add(
                number=number,
                label=form.get(f"{row}.label"),
                primary=bool(form.get(f"{row}.primary")),
            )
        if address := form.get(f"emails[{place}].address"):
            row = f"emails[{place}]"
            contact.emails.add(
                address=address,
                label=form.get(f"{row}.label"),
                primary=bool(form.get(f"{row}.primary")),
            )
    contact.gender = contact_pb2.Gender.ValueType(
        names.value(contact_pb2.Gender, form.get("gender"))
    )
    contact.preferred_channel = contact_pb2.Channel.ValueType(
        names.value(contact_pb2.Channel, form.get("preferred_channel"))
    )
    contact.owner_ids.extend(form.all("owner_ids"))
    contact.tags.extend(it.strip() for it in form.get("tags").split(",") if it.strip())
    _read_address(form, contact)
    _read_birthday(form, contact)
    return contact


def _to_be_composed(form: Form, stored: contact_pb2.Contact) -> bool:
    """Whether the shown name is the old one while its parts changed: it is composed anew then."""
    parts = (form.get("family_name"), form.get("given_name"))
    kept = form.get("display_name") == stored.display_name
    return kept and parts != (stored.family_name, stored.given_name) and any(parts)


def _read_address(form: Form, contact: contact_pb2.Contact) -> None:
    given = {name: form.get(f"address.{name}") for name in ADDRESS}
    if any(given.values()):
        contact.address.CopyFrom(contact_pb2.Address(**given))


def _read_birthday(form: Form, contact: contact_pb2.Contact) -> None:
    given = {name: form.get(f"birthday.{name}") for name in BIRTHDAY}
    if not any(given.values()):
        return
    try:
        numbers = {name: int(value) if value else 0 for name, value in given.items()}
        contact.birthday.CopyFrom(contact_pb2.PartialDate(**numbers))
    except ValueError:  # no digits, or more of them than an int32 holds
        form.refuse("birthday", desk.t("contact.birthday_unreadable"))


def form_of(contact: contact_pb2.Contact) -> Form:
    """Return the form that shows a contact as it is stored."""
    values: dict[str, str | Sequence[str]] = {name: getattr(contact, name) for name in LINES}
    for place, phone in enumerate(contact.phones):
        values |= _row(f"phones[{place}]", "number", phone.number, phone.label, phone.primary)
    for place, email in enumerate(contact.emails):
        values |= _row(f"emails[{place}]", "address", email.address, email.label, email.primary)
    values["gender"] = _chosen(contact_pb2.Gender, contact.gender)
    values["preferred_channel"] = _chosen(contact_pb2.Channel, contact.preferred_channel)
    values["owner_ids"] = list(contact.owner_ids)
    values["tags"] = ", ".join(contact.tags)
    values |= {f"address.{name}": getattr(contact.address, name) for name in ADDRESS}
    for name in BIRTHDAY:
        values[f"birthday.{name}"] = str(getattr(contact.birthday, name) or "")
    values["etag"] = contact.etag
    return Form.filled(values)


def _row(row: str, part: str, value: str, label: str, primary: bool) -> dict[str, str]:
    return {f"{row}.{part}": value, f"{row}.label": label, f"{row}.primary": "1" if primary else ""}


def _chosen(enum: object, value: int) -> str:
    return names.short(enum, value) if value else ""


def differences(mine: Form, theirs: Form) -> list[tuple[str, str, str]]:
    """Return (input, typed, stored) of each input where the two differ."""
    hidden = ("etag", "csrf_token", "request_id")
    found = []
    for name in dict.fromkeys([*theirs.values, *mine.values]):
        ours, stored = mine.values.getlist(name), theirs.values.getlist(name)
        if name in hidden or name.endswith((".primary", ".label")):
            continue
        typed, kept = ", ".join(filter(None, ours)), ", ".join(filter(None, stored))
        if typed.replace("\r\n", "\n") != kept:
            found.append((name, typed, kept))
    return found
