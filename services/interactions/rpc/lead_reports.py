"""What was done with leads."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
from crm.interactions.v1 import lead_report_pb2, lead_report_service_pb2_grpc
from crm.interactions.v1 import lead_report_service_pb2 as pb2
from pydantic import SecretStr

from chassis import db
from chassis.db import paging
from chassis.rpc import times
from services.interactions.domain.fields import Problems
from services.interactions.domain.lead_reports import Report, Wanted, owners
from services.interactions.domain.reports import check_period
from services.interactions.messages import lead_reports as messages
from services.interactions.rpc import gate
from services.interactions.storage import lead_reports as storage
from services.interactions.usecases import lead_reports

Context = grpc.aio.ServicerContext[Any, Any]
Asked = pb2.GetLeadReportRequest | pb2.ExportLeadReportRequest


class LeadReportServicer(lead_report_service_pb2_grpc.LeadReportServiceServicer):
    """Serves `LeadReportService`; the right is that to read contacts."""

    def __init__(self, sessions: db.Sessions, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._seal_key = seal_key

    async def GetLeadReport(
        self, request: pb2.GetLeadReportRequest, context: Context
    ) -> lead_report_pb2.LeadReport:
        """Counts leads by main owner and what was done with them."""
        return messages.out(await self._report(request))

    async def ExportLeadReport(
        self, request: pb2.ExportLeadReportRequest, context: Context
    ) -> AsyncIterator[pb2.ExportLeadReportResponse]:
        """Gives all lines at once: there are as many as colleagues."""
        report = await self._report(request)
        lines = [messages.line(it) for it in report.rows]
        lines.append(messages.line(report.total, "total"))
        yield pb2.ExportLeadReportResponse(lines=lines)

    async def ListReportedLeads(
        self, request: lead_report_pb2.ListReportedLeadsRequest, context: Context
    ) -> pb2.ListReportedLeadsResponse:
        """Lists the leads behind a figure."""
        readable = gate.may("contacts", "read")
        wanted = _wanted(request)
        page = paging.read(request.page_size, request.page_token, vars(wanted), self._seal_key)
        after: Any = tuple(page.after) if page.after else None
        async with self._sessions.begin() as session:
            found = await storage.page(session, wanted, readable, page.size + 1, after)
        shown = found[: page.size]
        more = len(found) > page.size
        token = paging.token(shown[-1], vars(wanted), self._seal_key) if more else ""
        ids = [str(contact_id) for _, contact_id in shown]
        return pb2.ListReportedLeadsResponse(contact_ids=ids, next_page_token=token)

    async def _report(self, request: Asked) -> Report:
        readable = gate.may("contacts", "read")
        problems = Problems()
        period = check_period(request.start_date, request.end_date, request.time_zone, problems)
        owner_ids = owners(request.owner_ids, problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            return await lead_reports.leads(session, period, owner_ids, readable)


def _wanted(request: lead_report_pb2.ListReportedLeadsRequest) -> Wanted:
    problems = Problems()
    owner_ids, touch = owners(request.owner_ids, problems), None
    try:
        touch = messages.touch(request.touch)
    except KeyError:
        problems.add("touch", "is not one of the choices")
    problems.raise_if_any()
    return Wanted(
        created_from=times.read(request.created_from),
        created_until=times.read(request.created_until),
        owner_ids=owner_ids,
        touch=touch,
    )
