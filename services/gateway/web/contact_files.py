"""Contacts as a file: those that the list's filters leave, as its reader sees them."""

from collections.abc import Mapping
from typing import NamedTuple

from crm.leads.v1 import contact_line_pb2, contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from flask import Blueprint, Response

from services.gateway import files
from services.gateway.languages import Language
from services.gateway.web import contacts, desk, formats, lookups, names, words

COLUMNS = {
    **{"reference_code": "field.reference_code", "kind": "field.kind", "status": "field.status"},
    "lost_reason": "contact.lost_reason",
    **{it: f"field.{it}" for it in ("salutation", "family_name", "given_name", "display_name")},
    **{"phone": "field.phone", "phone_2": "contact.phone_n", "phone_3": "contact.phone_n"},
    **{"email": "field.email", "email_2": "contact.email_n", "email_3": "contact.email_n"},
    **{it: f"field.{it}" for it in ("company", "job_title", "gender", "birthday", "street")},
    **{it: f"field.{it}" for it in ("ward", "province", "postal_code", "country_code", "source")},
    **{"life_stage": "contacts.stage", "tags": "field.tags", "owner_ids": "contacts.owner"},
    **{"team_id": "staff.team", "external_ids": "field.external_id"},
    **{it: f"field.{it}" for it in ("description", "create_time", "update_time")},
}
"""What each column is called; an import knows those that it reads by these very words."""


def add(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/contacts.csv", endpoint="contacts_csv")(as_csv)


def as_csv() -> Response:
    """Send the rows of the list as a file, as they are read; that leaves an audit entry."""
    asked = contact_service_pb2.ExportContactsRequest(**contacts.wanted())
    # A stream outlives the request that began it: what it needs of it is taken now.
    told = _Told(
        desk.language(),
        desk.time_zone(),
        {it.id: it.display_name for it in lookups.users()},
        {it.id: it.name for it in lookups.teams()},
    )
    answers = desk.ask(ContactServiceStub).ExportContacts(asked, timeout=files.SECONDS)
    parts = ([told.row(it) for it in part.contacts] for part in answers)
    headings = [desk.t(key, n=name[-1]) for name, key in COLUMNS.items()]
    return desk.gateway().files.answer(parts, headings, "contacts.csv")


class _Told(NamedTuple):
    """Says contacts in the language and zone of who reads, with the names of users and teams."""

    language: Language
    zone: str
    users: Mapping[str, str]
    teams: Mapping[str, str]

    def row(self, it: contact_line_pb2.ContactLine) -> list[str]:
        """Return the cells of `COLUMNS`."""
        cells: dict[str, str] = {
            **{name: getattr(it, name) for name in COLUMNS if name not in _CHOICES},
            **{name: self._word(name, getattr(it, name)) for name in _CHOICES},
            "owner_ids": "; ".join(self.users.get(each, each) for each in it.owner_ids.split("; ")),
            "team_id": self.teams.get(it.team_id, it.team_id),
            "create_time": formats.moment(self.language, it.create_time, self.zone),
            "update_time": formats.moment(self.language, it.update_time, self.zone),
        }
        return [cells[name] for name in COLUMNS]

    def _word(self, name: str, value: int) -> str:
        said = names.short(_CHOICES[name], value)
        return words.known(self.language, f"{name}.{said}", said) if value else ""


_CHOICES = {
    "kind": contact_pb2.ContactKind,
    "status": contact_pb2.LeadStatus,
    "gender": contact_pb2.Gender,
}
