"""ImportService."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from crm.leads.v1 import import_pb2 as pb
from crm.leads.v1 import import_service_pb2 as service_pb
from crm.leads.v1 import import_service_pb2_grpc as service_grpc
from pydantic import SecretStr

from chassis import context
from chassis.db import Sessions, paging
from chassis.errors import FieldViolation, InvalidArgument, ResourceExhausted
from services.leads.domain import importing
from services.leads.domain.fields import Checks
from services.leads.domain.files.encoding import SAMPLE_BYTES
from services.leads.messages import imports as messages
from services.leads.storage import imports as stored
from services.leads.usecases import hidden
from services.leads.usecases import imports as usecases

PART_BYTES = 1024 * 1024


class ImportServicer(service_grpc.ImportServiceServicer):
    """Files that people bring."""

    def __init__(
        self, sessions: Sessions, clock: Callable[[], datetime], seal_key: SecretStr
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._seal_key = seal_key

    async def UploadImport(
        self, request_iterator: AsyncIterator[service_pb.UploadImportRequest], _: Any
    ) -> pb.Import:
        """Take a file and say what it is."""
        file_name, request_id, import_id = "", "", usecases.new_id()
        sample, size, ordinal = b"", 0, 0
        async with self._sessions.begin() as session:
            async for part in request_iterator:
                if not ordinal:
                    file_name, request_id = _named(part), part.request_id
                    again = await stored.by_request(session, _caller(), request_id)
                    if again:
                        return _told(again)
                ordinal, size = ordinal + 1, size + len(part.data)
                _bounded(part.data, size)
                sample += part.data[: max(SAMPLE_BYTES + 1 - len(sample), 0)]
                await stored.add_part(session, import_id, ordinal, part.data)
            found = usecases.recognise(sample, size=size)
            made = await usecases.create(
                session,
                found,
                import_id=import_id,
                file_name=file_name,
                size=size,
                request_id=request_id,
                now=self._clock(),
            )
            return _told(made)

    async def StartImport(self, request: service_pb.StartImportRequest, _: Any) -> pb.Import:
        """Start a dry run, or the import itself."""
        draft = messages.draft(request)
        async with self._sessions.begin() as session:
            started = await usecases.start(session, _id("id", request.id), draft)
            return _told(started)

    async def GetImport(self, request: service_pb.GetImportRequest, _: Any) -> pb.Import:
        """Return one import with its progress."""
        async with self._sessions.begin() as session:
            return _told(await usecases.get(session, _id("id", request.id)))

    async def ListImports(
        self, request: service_pb.ListImportsRequest, _: Any
    ) -> service_pb.ListImportsResponse:
        """List imports, newest first."""
        page = paging.read(request.page_size, request.page_token, {}, self._seal_key)
        async with self._sessions.begin() as session:
            found, after = await usecases.page(session, page)
        return service_pb.ListImportsResponse(
            imports=[_told(it) for it in found],
            next_page_token=paging.token(after, {}, self._seal_key) if after else "",
        )

    async def ListImportRows(
        self, request: service_pb.ListImportRowsRequest, _: Any
    ) -> service_pb.ListImportRowsResponse:
        """List rows with their outcomes."""
        wanted = {"import_id": request.import_id, "outcome": request.outcome}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        outcome = messages.outcome(request.outcome)
        import_id = _id("import_id", request.import_id)
        async with self._sessions.begin() as session:
            found, after = await usecases.rows(session, import_id, outcome, page)
        return service_pb.ListImportRowsResponse(
            rows=[messages.row(it) for it in found],
            next_page_token=paging.token(after, wanted, self._seal_key) if after else "",
        )


def _told(it: importing.Import) -> pb.Import:
    return messages.import_(hidden.sampled(it))


def _caller() -> str:
    return context.require_principal().subject


def _named(first: service_pb.UploadImportRequest) -> str:
    checks = Checks()
    name = checks.line("file_name", first.file_name, 255, required=True)
    checks.finish()
    return name


def _bounded(data: bytes, size: int) -> None:
    if len(data) > PART_BYTES:
        wrong = [FieldViolation("data", "has more than 1 MiB in one message")]
        raise InvalidArgument("FIELDS_INVALID", "invalid: data", violations=wrong)
    if size > importing.MAX_FILE_BYTES:
        raise ResourceExhausted(
            "TOO_LARGE", "the file is larger than 200 MiB", limit=str(importing.MAX_FILE_BYTES)
        )


def _id(name: str, value: str) -> UUID:
    checks = Checks()
    found = checks.id(name, value)
    checks.finish()
    return found
