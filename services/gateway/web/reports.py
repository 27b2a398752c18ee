"""Reports: how leads convert, what sources bring and cost, and what is done for contacts."""

from crm.interactions.v1 import (
    follow_up_service_pb2,
    lead_report_pb2,
    lead_report_service_pb2,
)
from crm.interactions.v1 import report_pb2 as follow_up_report_pb2
from crm.interactions.v1 import report_service_pb2 as follow_up_report_service_pb2
from crm.interactions.v1.follow_up_service_pb2_grpc import FollowUpServiceStub
from crm.interactions.v1.lead_report_service_pb2_grpc import LeadReportServiceStub
from crm.interactions.v1.report_service_pb2_grpc import ReportServiceStub as FollowUpReportStub
from crm.leads.v1 import contact_service_pb2, report_pb2, report_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from crm.leads.v1.report_service_pb2_grpc import ReportServiceStub
from flask import Blueprint, redirect, request, url_for
from werkzeug.utils import secure_filename

from services.gateway.web import desk, lookups, report_filters, report_tables
from services.gateway.web.follow_ups import rows as follow_up_rows
from services.gateway.web.forms import Form
from services.gateway.web.report_filters import Days
from services.gateway.web.report_tables import Table

GROUPINGS = {
    "owner": report_pb2.CONVERSION_GROUPING_OWNER,
    "source": report_pb2.CONVERSION_GROUPING_SOURCE,
    "stage": report_pb2.CONVERSION_GROUPING_STAGE,
}
FOLLOW_UP_GROUPINGS = {
    "assignee": follow_up_report_pb2.FOLLOW_UP_GROUPING_ASSIGNEE,
    "contact": follow_up_report_pb2.FOLLOW_UP_GROUPING_CONTACT,
}
NONE = "none"
"""In an address: leads without a source, or without an owner."""
_INPUTS = {"start_date": "from", "end_date": "to"}


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/reports", endpoint="reports")(first)
    pages.get("/reports/conversion", endpoint="report_conversion")(conversion)
    pages.get("/reports/sources", endpoint="report_sources")(sources)
    pages.get("/reports/follow-ups", endpoint="report_follow_ups")(follow_ups)
    pages.get("/reports/leads", endpoint="report_leads")(leads)
    pages.get("/reports/leads/rows", endpoint="report_lead_rows")(touched)
    pages.get("/reports/contacts", endpoint="report_contacts")(contacts)
    pages.get("/reports/follow-ups/rows", endpoint="report_follow_up_rows")(behind)


def first() -> desk.View:
    """Go to the first report."""
    return redirect(url_for("web.report_conversion"))


def conversion() -> desk.View:
    """Show how leads became customers, by owner, source or stage."""
    days, form = report_filters.days(), Form()
    by = request.args.get("by", "")
    by = by if by in GROUPINGS else "owner"
    asked = report_service_pb2.GetConversionReportRequest(
        **days.request(),
        grouping=GROUPINGS[by],
        source_ids=_ids("source"),
        owner_ids=_ids("owner"),
    )
    found = form.attempt(
        lambda: desk.ask(ReportServiceStub).GetConversionReport(asked), known=list(_KNOWN)
    )
    name = report_tables.user_name if by == "owner" else report_tables.given_name
    table = report_tables.conversion(found, name) if found else None
    return _shown("conversion", days, form, table, by=by, groupings=tuple(GROUPINGS))


def sources() -> desk.View:
    """Show what sources brought, and what that cost."""
    days, form = report_filters.days(), Form()
    asked = report_service_pb2.GetSourceReportRequest(
        **days.request(), source_ids=_ids("source"), owner_ids=_ids("owner")
    )
    found = form.attempt(
        lambda: desk.ask(ReportServiceStub).GetSourceReport(asked), known=list(_KNOWN)
    )
    table = report_tables.sources(found, report_tables.given_name) if found else None
    left_out = bool(found and found.costs_left_out)
    return _shown("sources", days, form, table, costs_left_out=left_out)


def follow_ups() -> desk.View:
    """Show what was to be done and what became of it, by user or contact."""
    days, form = report_filters.days(), Form()
    by = request.args.get("by", "")
    by = by if by in FOLLOW_UP_GROUPINGS else "assignee"
    asked = follow_up_report_service_pb2.GetFollowUpReportRequest(
        **days.request(),
        grouping=FOLLOW_UP_GROUPINGS[by],
        assignee_id=request.args.get("owner", ""),
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
    )
    found = form.attempt(
        lambda: desk.ask(FollowUpReportStub).GetFollowUpReport(asked), known=list(_KNOWN)
    )
    table = None
    if found:
        people = lookups.contacts([it.group_id for it in found.rows] if by == "contact" else [])

        def contact_name(contact_id: str, _: str) -> str:
            it = people.get(contact_id)
            return (it.display_name or it.reference_code) if it else desk.t("contact.gone")

        name = contact_name if by == "contact" else report_tables.user_name
        table = report_tables.follow_ups(found, name)
    token = found.next_page_token if found else ""
    groupings = tuple(FOLLOW_UP_GROUPINGS)
    return _shown("follow_ups", days, form, table, by=by, groupings=groupings, token=token)


def leads() -> desk.View:
    """Show how many leads were touched, and how many answered, by owner."""
    days, form = report_filters.days(), Form()
    asked = lead_report_service_pb2.GetLeadReportRequest(**days.request(), owner_ids=_ids("owner"))
    found = form.attempt(
        lambda: desk.ask(LeadReportServiceStub).GetLeadReport(asked), known=list(_KNOWN)
    )
    table = report_tables.leads(found, report_tables.user_name) if found else None
    return _shown("leads", days, form, table, by="owner")


def contacts() -> desk.View:
    """List the contacts behind a figure."""
    asked = report_filters.rows_of(contact_service_pb2.ListContactsRequest)
    return _contacts(desk.ask(ContactServiceStub).ListContacts(asked))


def touched() -> desk.View:
    """List the leads behind a figure about what was done with them."""
    asked = report_filters.rows_of(lead_report_pb2.ListReportedLeadsRequest)
    listed = desk.ask(LeadReportServiceStub).ListReportedLeads(asked)
    known = lookups.contacts(listed.contact_ids)
    return _contacts(
        contact_service_pb2.ListContactsResponse(
            contacts=[known[it] for it in listed.contact_ids if it in known],
            next_page_token=listed.next_page_token,
        )
    )


def _contacts(found: contact_service_pb2.ListContactsResponse) -> desk.View:
    return desk.page(
        "contacts_rows.html" if desk.partial() else "report_rows.html",
        part="contacts",
        found=found,
        standings=lookups.standings([it.id for it in found.contacts]),
        filtered=True,
        first=not desk.page_token(),
        file="",
    )


def behind() -> desk.View:
    """List the follow-ups behind a figure."""
    asked = report_filters.rows_of(follow_up_service_pb2.ListFollowUpsRequest)
    found = desk.ask(FollowUpServiceStub).ListFollowUps(asked)
    template = "follow_ups_rows.html" if desk.partial() else "report_rows.html"
    return desk.page(template, part="follow_ups", **follow_up_rows(found))


_KNOWN = ("start_date", "end_date", "source_ids", "owner_ids", "assignee_id")


def _ids(name: str) -> list[str]:
    """Return the id that a filter chose; the word for none is an empty id."""
    given = request.args.get(name, "")
    return [] if not given else [""] if given == NONE else [given]


def _shown(report: str, days: Days, form: Form, table: Table | None, **values: object) -> desk.View:
    """Return the page of a report, or its table as a file."""
    if table is not None and request.args.get("format") == "csv":
        heading = desk.t(f"reports.by_{values.get('by', 'source')}")
        name = secure_filename(f"{report}-{days.first}-{days.last}.csv")
        return report_tables.csv(table, heading, name)
    body = desk.page(
        "report.html",
        report=report,
        days=days,
        form=form,
        table=table,
        periods=report_filters.PERIODS,
        sources=lookups.sources() if report in ("conversion", "sources") else (),
        users=lookups.users(),
        chosen={it: request.args.get(it, "") for it in ("source", "owner")},
        **{"by": "", "groupings": (), "token": "", "costs_left_out": False, **values},
    )
    return body, form.status
