"""Imports over gRPC, run to their end, on a database of their own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.leads.v1 import import_pb2 as pb
from crm.leads.v1 import import_service_pb2 as service_pb
from crm.leads.v1 import import_service_pb2_grpc as service_grpc
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings
from chassis.context import Principal
from chassis.db.paging import Page
from services.leads.domain.consent import Entry
from services.leads.rpc.imports import ImportServicer
from services.leads.storage import consents as stored_consents
from services.leads.workers.importer import Importer
from tests.integration import serving
from tests.integration.conftest import Serve

ADVERTISER = "01980000-0000-7000-8000-00000000aaaa"
MAY = {"read": "all", "write": "all"}
ALL = {"imports": MAY, "contacts": MAY}
MANAGER = Principal(
    subject="01980000-0000-7000-8000-000000000999", kind="user", team_id=None, rights=ALL
)
SIMPLE = "Họ và tên,Số điện thoại,Email\nLê An,0901234567,an@a.example\nTrần Bình,0902345678,\n"


@pytest.fixture
async def calls(
    serve: Serve, leads_settings: ServiceSettings, leads_sessions: db.Sessions
) -> "Imports":
    return await imports(serve, leads_settings, leads_sessions)


async def imports(serve: Serve, settings: ServiceSettings, sessions: db.Sessions) -> "Imports":
    """Serve imports into a database."""
    servicer = ImportServicer(sessions, lambda: datetime.now(UTC), settings.seal_key)
    adder = service_grpc.add_ImportServiceServicer_to_server
    served = await serve(settings, "leads", [(adder, servicer)])
    return Imports(served, sessions)


class Imports:
    """ImportService as a manager calls it, with a worker that is started when it is needed."""

    def __init__(self, served: serving.Served, sessions: db.Sessions) -> None:
        self.served = served
        self.sessions = sessions
        self.stub: Any = service_grpc.ImportServiceStub(served.as_(MANAGER))

    async def upload(self, data: bytes, name: str = "people.csv", key: str = "") -> pb.Import:
        def parts() -> Iterator[service_pb.UploadImportRequest]:
            for start in range(0, max(len(data), 1), 200_000):
                yield service_pb.UploadImportRequest(
                    file_name=name, data=data[start : start + 200_000], request_id=key
                )

        return await self.stub.UploadImport(parts())

    async def run(self, data: bytes, name: str = "people.csv", **how: Any) -> pb.Import:
        uploaded = await self.upload(data, name)
        return await self.start(uploaded.id, **how)

    async def start(self, import_id: str, **how: Any) -> pb.Import:
        await self.stub.StartImport(service_pb.StartImportRequest(id=import_id, **how))
        async with self.worker():
            return await self.ended(import_id)

    async def ended(self, import_id: str) -> pb.Import:
        async with asyncio.timeout(60):
            while True:
                found = await self.stub.GetImport(service_pb.GetImportRequest(id=import_id))
                if found.state in (pb.IMPORT_STATE_CHECKED, pb.IMPORT_STATE_COMPLETED):
                    return found
                assert found.state != pb.IMPORT_STATE_FAILED, found.failure
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        task = asyncio.create_task(
            Importer(self.sessions, lambda: datetime.now(UTC), "vn", "seal")()
        )
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def rows(self, import_id: str, outcome: int = 0) -> list[pb.ImportRow]:
        request = service_pb.ListImportRowsRequest(
            import_id=import_id, outcome=outcome, page_size=1000
        )
        return list((await self.stub.ListImportRows(request)).rows)

    async def lines(self, import_id: str, outcome: int, size: int) -> list[pb.ImportRow]:
        found: list[pb.ImportRow] = []
        token = ""
        while True:
            request = service_pb.ListImportRowsRequest(
                import_id=import_id, outcome=outcome, page_size=size, page_token=token
            )
            page = await self.stub.ListImportRows(request)
            assert len(page.rows) <= size
            found, token = [*found, *page.rows], page.next_page_token
            if not token:
                return found

    async def scalar(self, query: str) -> Any:
        async with self.sessions() as session:
            return await session.scalar(text(query))


def counts(it: pb.Import) -> tuple[int, int, int, int, int]:
    ledger = it.ledger
    return ledger.rows, ledger.created, ledger.updated, ledger.skipped, ledger.rejected


async def ledger(calls: Imports) -> list[Entry]:
    async with calls.sessions() as session:
        contact_id = await session.scalar(text("SELECT id FROM contacts"))
        found, _ = await stored_consents.page(session, contact_id, Page(size=100, after=None))
    return found
