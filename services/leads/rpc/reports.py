"""ReportService."""

from collections.abc import AsyncIterator

from crm.leads.v1 import report_pb2, report_service_pb2, report_service_pb2_grpc

from chassis.db import Sessions
from services.leads.domain.fields import Checks
from services.leads.domain.report import ConversionReport
from services.leads.domain.source_report import SourceReport
from services.leads.messages import reports as messages
from services.leads.rpc.requests import Context
from services.leads.usecases import reports

pb = report_service_pb2

_BATCH = 500

AnyConversion = pb.GetConversionReportRequest | pb.ExportConversionReportRequest
AnySources = pb.GetSourceReportRequest | pb.ExportSourceReportRequest


class ReportServicer(report_service_pb2_grpc.ReportServiceServicer):
    """Figures about the contacts that the caller may read."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def GetConversionReport(
        self, request: pb.GetConversionReportRequest, context: Context
    ) -> report_pb2.ConversionReport:
        """Counts the leads of a period and what became of them."""
        return messages.conversion(await self._conversion(request))

    async def ExportConversionReport(
        self, request: pb.ExportConversionReportRequest, context: Context
    ) -> AsyncIterator[pb.ExportConversionReportResponse]:
        """Gives the same as lines."""
        lines = list(messages.conversion_lines(await self._conversion(request)))
        for start in range(0, len(lines), _BATCH):
            yield pb.ExportConversionReportResponse(lines=lines[start : start + _BATCH])

    async def GetSourceReport(
        self, request: pb.GetSourceReportRequest, context: Context
    ) -> report_pb2.SourceReport:
        """Says what the sources brought and cost."""
        return messages.sources(await self._sources(request))

    async def ExportSourceReport(
        self, request: pb.ExportSourceReportRequest, context: Context
    ) -> AsyncIterator[pb.ExportSourceReportResponse]:
        """Gives the same as lines."""
        lines = list(messages.source_lines(await self._sources(request)))
        for start in range(0, len(lines), _BATCH):
            yield pb.ExportSourceReportResponse(lines=lines[start : start + _BATCH])

    async def _conversion(self, request: AnyConversion) -> ConversionReport:
        checks = Checks()
        asked = messages.asked(request, checks)
        grouping = messages.grouping(request.grouping, checks)
        checks.finish()
        async with self._sessions.begin() as session:
            return await reports.conversion(session, asked, grouping)

    async def _sources(self, request: AnySources) -> SourceReport:
        checks = Checks()
        asked = messages.asked(request, checks)
        checks.finish()
        async with self._sessions.begin() as session:
            return await reports.by_source(session, asked)
