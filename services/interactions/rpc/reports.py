"""Figures about follow-ups."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
from crm.interactions.v1 import report_pb2, report_service_pb2_grpc
from crm.interactions.v1 import report_service_pb2 as pb2
from pydantic import SecretStr

from chassis import db
from chassis.db import paging
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.reports import Grouping, check_period
from services.interactions.messages import reports as messages
from services.interactions.rpc import gate
from services.interactions.usecases import reports
from services.interactions.usecases.reports import Asked

Context = grpc.aio.ServicerContext[Any, Any]
Request = pb2.GetFollowUpReportRequest | pb2.ExportFollowUpReportRequest

_BATCH = 1_000


class ReportServicer(report_service_pb2_grpc.ReportServiceServicer):
    """Serves `ReportService`."""

    def __init__(self, sessions: db.Sessions, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._seal_key = seal_key

    async def GetFollowUpReport(
        self, request: pb2.GetFollowUpReportRequest, context: Context
    ) -> report_pb2.FollowUpReport:
        """Counts follow-ups by user or contact, type and status."""
        readable = gate.may("follow_ups", "read")
        asked = _asked(request)
        page = paging.read(request.page_size, request.page_token, vars(asked), self._seal_key)
        after: Any = page.after
        async with self._sessions.begin() as session:
            report, following = await reports.follow_ups(session, asked, readable, page.size, after)
        token = paging.token(following, vars(asked), self._seal_key) if following else ""
        return messages.out(report, token)

    async def ExportFollowUpReport(
        self, request: pb2.ExportFollowUpReportRequest, context: Context
    ) -> AsyncIterator[pb2.ExportFollowUpReportResponse]:
        """Gives all lines; those of a later page may know more than those of the first."""
        readable = gate.may("follow_ups", "read")
        asked, after = _asked(request), None
        while True:
            async with self._sessions.begin() as session:
                report, after = await reports.follow_ups(session, asked, readable, _BATCH, after)
            lines = [messages.line(it) for it in report.rows]
            if after is None:
                lines.append(messages.line(report.total, "total"))
            yield pb2.ExportFollowUpReportResponse(lines=lines)
            if after is None:
                return


def _asked(request: Request) -> Asked:
    problems = Problems()
    period = check_period(request.start_date, request.end_date, request.time_zone, problems)
    grouping = messages.grouping(request.grouping)
    if grouping is None:
        problems.add("grouping", "is required")
    assignee_id = None
    if request.assignee_id:
        assignee_id = fields.uuid(request.assignee_id, "assignee_id", problems)
    problems.raise_if_any()
    return Asked(period, grouping or Grouping.ASSIGNEE, assignee_id)
