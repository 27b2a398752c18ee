"""RunService."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import structlog
from crm.campaigns.v1 import run_pb2 as pb
from crm.campaigns.v1 import run_service_pb2 as service_pb
from crm.campaigns.v1 import run_service_pb2_grpc as service_grpc
from pydantic import SecretStr

from chassis import context
from chassis.db import Sessions, paging
from services.campaigns.clients.notifier import Senders
from services.campaigns.domain.runs import check_rows
from services.campaigns.messages import runs as messages
from services.campaigns.rpc.requests import identifier
from services.campaigns.storage import recipients
from services.campaigns.storage import runs as stored
from services.campaigns.usecases import access
from services.campaigns.usecases import runs as usecases

_BATCH = 1_000

log = structlog.get_logger(__name__)


class RunServicer(service_grpc.RunServiceServicer):
    """Runs of campaigns."""

    def __init__(
        self, sessions: Sessions, senders: Senders, seal_key: SecretStr, watch_seconds: float
    ) -> None:
        self._sessions = sessions
        self._senders = senders
        self._seal_key = seal_key
        self._watch_seconds = watch_seconds

    async def GetRun(self, request: service_pb.GetRunRequest, _: Any) -> pb.Run:
        """Return one run with its counts."""
        return await self._read(identifier("id", request.id))

    async def ListRuns(
        self, request: service_pb.ListRunsRequest, _: Any
    ) -> service_pb.ListRunsResponse:
        """Return a page of runs, newest first."""
        campaign_id = (
            identifier("campaign_id", request.campaign_id) if request.campaign_id else None
        )
        wanted = {"campaign_id": request.campaign_id}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        async with self._sessions.begin() as session:
            found = await stored.read_page(session, page, campaign_id, access.reach())
        shown = found[: page.size]
        response = service_pb.ListRunsResponse(runs=[messages.run(each) for each in shown])
        if len(found) > page.size:
            response.next_page_token = paging.token([shown[-1].run.id], wanted, self._seal_key)
        return response

    async def PauseRun(self, request: service_pb.PauseRunRequest, _: Any) -> pb.Run:
        """Pause a run that is PLANNING or SENDING."""
        run_id = identifier("id", request.id)
        async with self._sessions.begin() as session:
            await access.run(session, run_id, "start")
            paused = messages.run(await usecases.pause(session, run_id))
        return await self._stopped(paused)

    async def ResumeRun(self, request: service_pb.ResumeRunRequest, _: Any) -> pb.Run:
        """Resume a run that is PAUSED."""
        run_id = identifier("id", request.id)
        async with self._sessions.begin() as session:
            await access.run(session, run_id, "start")
            return messages.run(await usecases.resume(session, run_id))

    async def CancelRun(self, request: service_pb.CancelRunRequest, _: Any) -> pb.Run:
        """Cancel a run that has not ended."""
        run_id = identifier("id", request.id)
        async with self._sessions.begin() as session:
            await access.run(session, run_id, "start")
            cancelled = messages.run(await usecases.cancel(session, run_id))
        return await self._stopped(cancelled)

    async def _stopped(self, run: pb.Run) -> pb.Run:
        """Return a run that stands still here, once the notifier knows or does not answer.

        The event that was written with it gets there in any case, only later.
        """
        if not await self._senders.stop(run):
            log.warning("stop_not_heard", run_id=run.id, state=run.state)
        return run

    async def WatchRun(self, request: service_pb.WatchRunRequest, _: Any) -> AsyncIterator[pb.Run]:
        """Send the run whenever it changes, until it has ended or this process stops."""
        run_id = identifier("id", request.id)
        told: pb.Run | None = None
        while True:
            run = await self._read(run_id)
            if run != told:
                yield run
                told = run
            if run.HasField("end_time") or context.draining().is_set():
                return
            await asyncio.sleep(self._watch_seconds)

    async def ListRecipients(
        self, request: service_pb.ListRecipientsRequest, _: Any
    ) -> service_pb.ListRecipientsResponse:
        """Return a page of a run's recipients by its place in the audience."""
        run_id = identifier("run_id", request.run_id)
        wanted = {
            "run_id": request.run_id,
            "states": sorted(request.states),
            "reason": request.reason,
        }
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        states = [it for it in map(messages.recipient_state, request.states) if it is not None]
        async with self._sessions.begin() as session:
            await access.run(session, run_id)
            run = (await stored.get(session, run_id)).run
            check_rows(run)
            found = await recipients.read_page(session, page, run, states, request.reason)
        shown = found[: page.size]
        response = service_pb.ListRecipientsResponse(
            recipients=[messages.recipient(each) for each in shown]
        )
        if len(found) > page.size:
            keys = [shown[-1].ordinal]
            response.next_page_token = paging.token(keys, wanted, self._seal_key)
        return response

    async def ExportRecipients(
        self, request: service_pb.ExportRecipientsRequest, _: Any
    ) -> AsyncIterator[service_pb.ExportRecipientsResponse]:
        """Send all recipients that a list would have."""
        run_id = identifier("run_id", request.run_id)
        states = [it for it in map(messages.recipient_state, request.states) if it is not None]
        async with self._sessions.begin() as session:
            await access.run(session, run_id, "export")
            run = await usecases.note_export(session, run_id, states, request.reason)
        page = paging.Page(_BATCH)
        while True:
            async with self._sessions.begin() as session:
                found = await recipients.read_page(session, page, run, states, request.reason)
            shown = found[:_BATCH]
            if shown:
                yield service_pb.ExportRecipientsResponse(
                    recipients=[messages.recipient(each) for each in shown]
                )
            if len(found) <= _BATCH:
                return
            page = paging.Page(_BATCH, (shown[-1].ordinal,))

    async def ListContactRecipients(
        self, request: service_pb.ListContactRecipientsRequest, _: Any
    ) -> service_pb.ListContactRecipientsResponse:
        """Return a page of what runs within reach had for a contact, newest first."""
        contact_id = identifier("contact_id", request.contact_id)
        wanted = {"contact_id": request.contact_id}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        async with self._sessions.begin() as session:
            found = await recipients.read_contact_page(session, page, contact_id, access.reach())
        shown = found[: page.size]
        response = service_pb.ListContactRecipientsResponse(
            recipients=[messages.recipient(each) for each in shown]
        )
        if len(found) > page.size:
            keys = (shown[-1].run_date, shown[-1].run_id)
            response.next_page_token = paging.token(keys, wanted, self._seal_key)
        return response

    async def _read(self, run_id: UUID) -> pb.Run:
        async with self._sessions.begin() as session:
            await access.run(session, run_id)
            return messages.run(await stored.get(session, run_id))
