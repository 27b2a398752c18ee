"""The audit log: who did what to what, what was there before and after, and whether it holds."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from crm.accounts.v1 import audit_pb2, audit_service_pb2
from crm.accounts.v1.audit_service_pb2_grpc import AuditServiceStub
from flask import Blueprint, Response, request
from google.protobuf.timestamp_pb2 import Timestamp

from services.gateway import files
from services.gateway.web import audit_entries, desk, formats, lookups
from services.gateway.web.forms import Form

SERVICES = ("leads", "interactions", "campaigns", "notifier", "accounts", "gateway")
FILTERS = ("actor_id", "service", "action_prefix", "subject_type", "subject_id")
KNOWN = [*FILTERS, "from", "to"]


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/audit", endpoint="audit")(listing)
    pages.get("/audit.csv", endpoint="audit_csv")(as_csv)
    pages.get("/audit/verify", endpoint="verify_audit")(verify)


def listing() -> desk.View:
    """List the entries that the filters leave, those that happened last first."""
    form, asked = _asked()
    found = None
    if not form.bad:
        wanted = audit_service_pb2.ListAuditEntriesRequest(
            page_size=desk.PAGE_SIZE, page_token=desk.page_token(), **asked
        )
        found = form.attempt(
            lambda: desk.ask(AuditServiceStub).ListAuditEntries(wanted), known=KNOWN
        )
    return _page(form, found)


def _page(form: Form, found: audit_service_pb2.ListAuditEntriesResponse | None) -> desk.View:
    entries = found.entries if found else []
    contacts = [it.subject_id for it in entries if it.subject_type == "contact"]
    body = desk.page(
        "audit_rows.html" if desk.partial() and found else "audit.html",
        form=form,
        found=found,
        services=SERVICES,
        users=lookups.users(),
        people=lookups.contacts(contacts),
        actor_text=audit_entries.actor_text,
        subject_text=audit_entries.subject_text,
        subject_url=audit_entries.subject_url,
        changes=audit_entries.changes,
    )
    return body, form.status


def as_csv() -> desk.View | Response:
    """Send what the filters leave as a file, as it is read; that leaves an entry itself."""
    form, asked = _asked()
    if form.bad:
        return _page(form, None)
    wanted = audit_service_pb2.ExportAuditEntriesRequest(**asked)
    # A stream outlives the request that began it: what it needs of it is taken now.
    language, zone = desk.language(), desk.time_zone()
    answers = desk.ask(AuditServiceStub).ExportAuditEntries(wanted, timeout=files.SECONDS)

    def row(it: audit_pb2.AuditLine) -> list[str]:
        at = formats.instant(language, datetime.fromisoformat(it.time), zone)
        return [str(it.sequence), at, *(getattr(it, name) for name in _TEXTS)]

    headings = [desk.t(f"audit.{name}") for name in ("sequence", "time", *_TEXTS)]
    parts = ([row(it) for it in part.entries] for part in answers)
    return desk.gateway().files.answer(parts, headings, "audit.csv")


_TEXTS = (
    "service",
    "actor_id",
    "actor_kind",
    "acting_service",
    "action",
    "subject_type",
    "subject_id",
    "before",
    "after",
    "request_id",
    "id",
    "hash",
)


def verify() -> desk.View:
    """Follow the chain for some seconds; the page goes on by itself until its end."""
    form = Form.filled({"expected_head": request.args.get("expected_head", "")})
    asked = audit_service_pb2.VerifyAuditRequest(
        expected_head=form.get("expected_head"), page_token=desk.page_token()
    )
    found = form.attempt(
        lambda: desk.ask(AuditServiceStub).VerifyAudit(asked), known=["expected_head"]
    )
    template = "audit_verdict.html" if desk.partial() and found else "audit_verify.html"
    body = desk.page(template, form=form, found=found, findings=_findings(found))
    return body, form.status


def _findings(found: audit_service_pb2.VerifyAuditResponse | None) -> list[str]:
    return [audit_entries.finding_text(it) for it in (found.findings if found else ())]


def _asked() -> tuple[Form, dict[str, Any]]:
    """Return what the address asks for, as a form and as fields of a request."""
    form = Form.filled({name: request.args.get(name, "") for name in KNOWN})
    asked: dict[str, Any] = {name: form.get(name) for name in FILTERS}
    for name, field, days in (("from", "from", 0), ("to", "until", 1)):
        if typed := form.get(name):
            try:
                asked[field] = _midnight(typed, days)
            except (ValueError, OverflowError):
                form.refuse(name, desk.t("audit.no_day"))
    return form, asked


def _midnight(typed: str, days: int) -> Timestamp:
    """Return when a day, or one so many days after it, begins for the reader."""
    day = date.fromisoformat(typed) + timedelta(days=days)
    at = datetime.combine(day, time(), formats.zone(desk.time_zone()))
    made = Timestamp()
    made.FromDatetime(at.astimezone(UTC))
    return made
