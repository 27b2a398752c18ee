"""Calls or meetings for many."""

from typing import Any

import grpc
from crm.interactions.v1 import follow_up_batch_pb2, follow_up_batch_service_pb2_grpc
from crm.interactions.v1 import follow_up_batch_service_pb2 as pb2
from pydantic import SecretStr

from chassis import db
from chassis.db import idempotency, paging
from services.interactions.domain import batches as rules
from services.interactions.domain.fields import Problems
from services.interactions.messages import batches as messages
from services.interactions.messages import follow_ups
from services.interactions.rpc import gate, sending
from services.interactions.storage import batches as kept
from services.interactions.storage import reverting as reverted
from services.interactions.usecases import batches as usecases
from services.interactions.usecases import found, reverting

Context = grpc.aio.ServicerContext[Any, Any]


class FollowUpBatchServicer(follow_up_batch_service_pb2_grpc.FollowUpBatchServiceServicer):
    """Serves `FollowUpBatchService`."""

    def __init__(self, sessions: db.Sessions, contacts: gate.Gate, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._contacts = contacts
        self._seal_key = seal_key

    async def CreateFollowUpBatch(
        self, request: pb2.CreateFollowUpBatchRequest, context: Context
    ) -> follow_up_batch_pb2.FollowUpBatch:
        """Begins a batch for contacts that the caller may see."""
        caller, problems = gate.may("follow_ups", "write"), Problems()
        given = request.follow_up_batch
        columns = rules.columns(follow_ups.fields(given, rules.FIELDS), problems)
        columns["assign_to_owner"] = given.assign_to_owner
        sending.may_send_to_segment(columns)
        await sending.known(self._contacts, columns["contact_ids"], problems, of=rules.AT)
        async with self._sessions.begin() as session:

            async def create() -> follow_up_batch_pb2.FollowUpBatch:
                return messages.out(await usecases.create(session, caller, columns))

            return await idempotency.once(
                session,
                "CreateFollowUpBatch",
                request,
                follow_up_batch_pb2.FollowUpBatch,
                create,
            )

    async def GetFollowUpBatch(
        self, request: pb2.GetFollowUpBatchRequest, context: Context
    ) -> follow_up_batch_pb2.FollowUpBatch:
        """Returns one within reach."""
        readable = gate.may("follow_ups", "read")
        batch_id = found.parsed(request.id, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            return messages.out(await usecases.get(session, readable, batch_id))

    async def ListFollowUpBatches(
        self, request: pb2.ListFollowUpBatchesRequest, context: Context
    ) -> pb2.ListFollowUpBatchesResponse:
        """Lists those within reach, newest first."""
        readable = gate.may("follow_ups", "read")
        page = paging.read(request.page_size, request.page_token, {}, self._seal_key)
        before: Any = page.after
        async with self._sessions.begin() as session:
            listed = await kept.page(session, readable, page.size + 1, before)
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            token = paging.token([shown[-1].create_time, shown[-1].id], {}, self._seal_key)
        return pb2.ListFollowUpBatchesResponse(
            follow_up_batches=[messages.out(each) for each in shown], next_page_token=token
        )

    async def CancelFollowUpBatch(
        self, request: pb2.CancelFollowUpBatchRequest, context: Context
    ) -> follow_up_batch_pb2.FollowUpBatch:
        """Makes no more."""
        allowed, readable = gate.may("follow_ups", "write"), gate.reach("follow_ups", "read")
        batch_id = found.parsed(request.id, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            return messages.out(await usecases.cancel(session, readable, allowed, batch_id))

    async def RevertFollowUpBatch(
        self, request: pb2.RevertFollowUpBatchRequest, context: Context
    ) -> follow_up_batch_pb2.FollowUpBatch:
        """Takes back what was made."""
        allowed, readable = gate.may("follow_ups", "write"), gate.reach("follow_ups", "read")
        batch_id = found.parsed(request.id, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            return messages.out(await reverting.begin(session, readable, allowed, batch_id))

    async def CountFollowUpBatchRevert(
        self, request: pb2.CountFollowUpBatchRevertRequest, context: Context
    ) -> pb2.CountFollowUpBatchRevertResponse:
        """Counts what that would cancel and keep."""
        readable = gate.may("follow_ups", "read")
        batch_id = found.parsed(request.id, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            await usecases.get(session, readable, batch_id)
            count = await reverted.count(session, batch_id)
        return pb2.CountFollowUpBatchRevertResponse(
            cancelled_count=count.cancelled, kept_count=count.kept
        )
