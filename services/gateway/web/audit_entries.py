"""Says an entry of the audit log: who, what it is about, and what changed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from crm.accounts.v1 import audit_pb2
from flask import url_for
from google.protobuf import json_format

from services.gateway.web import desk, formats, lookups, names, words

# Subjects with a page of their own: its endpoint and the name of the id in its address.
PAGES: Mapping[str, tuple[str, str]] = {
    "contact": ("web.contact", "contact_id"),
    "follow_up": ("web.follow_up", "follow_up_id"),
    "follow_up_batch": ("web.follow_up_batch", "batch_id"),
    "series": ("web.series", "series_id"),
    "proposal": ("web.proposal", "proposal_id"),
    "request": ("web.request", "request_id"),
    "proposal_template": ("web.proposal_template", "template_id"),
    "campaign": ("web.campaign", "campaign_id"),
    "run": ("web.run", "run_id"),
    "segment": ("web.segment", "segment_id"),
    "template": ("web.template", "template_id"),
    "erasure": ("web.erasure", "erasure_id"),
    "import": ("web.import", "import_id"),
    "source_cost": ("web.source_cost", "cost_id"),
    "sender_identity": ("web.sender_identity", "identity_id"),
}


class Change(NamedTuple):
    """One value of a subject before and after; None where there was none."""

    name: str
    before: str | None
    after: str | None


def changes(entry: audit_pb2.AuditEntry) -> list[Change]:
    """Return what an entry says that changed; with one side only, all that it says."""
    before, after = _side(entry, "before"), _side(entry, "after")
    both = entry.HasField("before") and entry.HasField("after")
    return [
        Change(name, before.get(name), after.get(name))
        for name in sorted({**before, **after})
        if not both or before.get(name) != after.get(name)
    ]


def actor_text(entry: audit_pb2.AuditEntry) -> str:
    """Return who did it: a colleague's name, a program, or a part of the house."""
    language, actor = desk.language(), entry.actor_id
    if not actor:
        return desk.t("audit.nobody")
    if entry.actor_kind == "service":
        return words.known(language, f"source.{actor}", actor)
    if entry.actor_kind == "client":
        return desk.t("audit.client", id=actor[:8])
    return lookups.user_name(actor)


def subject_text(entry: audit_pb2.AuditEntry, people: Mapping[str, Any]) -> str:
    """Return what it is about: its name where it is known, else the beginning of its id."""
    if entry.subject_type == "user":
        return lookups.user_name(entry.subject_id)
    person = people.get(entry.subject_id) if entry.subject_type == "contact" else None
    if person is not None:
        return str(person.display_name or person.reference_code)
    return entry.subject_id[:8] if _is_id(entry.subject_id) else entry.subject_id


def subject_url(entry: audit_pb2.AuditEntry) -> str:
    """Return the page of what it is about, empty where there is none."""
    endpoint, name = PAGES.get(entry.subject_type, ("", ""))
    if not endpoint or not _is_id(entry.subject_id):
        return ""
    address: dict[str, Any] = {name: entry.subject_id}
    return url_for(endpoint, **address)


def finding_text(found: audit_pb2.AuditFinding) -> str:
    """Return what is wrong with which entries."""
    kind = names.short(audit_pb2.AuditFindingKind, found.kind)
    language = desk.language()
    first, last = (formats.number(language, it) for it in (found.first, found.last))
    if not found.last:
        return desk.t("audit.head_gone")
    places = first if found.first == found.last else f"{first}–{last}"
    return words.known(language, f"finding.{kind}", kind).format(places=places)


def _side(entry: audit_pb2.AuditEntry, side: str) -> dict[str, str]:
    if not entry.HasField(side):  # type: ignore[arg-type]
        return {}
    return dict(_flat(json_format.MessageToDict(getattr(entry, side))))


def _flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", _text(value)


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return desk.t("audit.yes" if value else "audit.no")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list) and not any(isinstance(it, dict | list) for it in value):
        return ", ".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
