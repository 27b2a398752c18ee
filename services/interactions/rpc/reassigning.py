"""What a person leaves behind."""

from typing import Any

import grpc
from crm.interactions.v1 import reassignment_service_pb2 as pb2
from crm.interactions.v1 import reassignment_service_pb2_grpc

from chassis import db
from chassis.db import idempotency
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.rpc import gate
from services.interactions.storage import reassigning as kept
from services.interactions.storage.reassigning import Count
from services.interactions.usecases import reassigning as usecases

Context = grpc.aio.ServicerContext[Any, Any]

_REQUESTS = ("requests", "write")


class ReassignmentServicer(reassignment_service_pb2_grpc.ReassignmentServiceServicer):
    """Serves `ReassignmentService`."""

    def __init__(self, sessions: db.Sessions) -> None:
        self._sessions = sessions

    async def CountReassignment(
        self, request: pb2.CountReassignmentRequest, context: Context
    ) -> pb2.ReassignmentCount:
        """Counts what one has."""
        reach, problems = usecases.manager(gate.may("follow_ups", "write")), Problems()
        user_id = fields.uuid(request.user_id, "user_id", problems)
        problems.raise_if_any()
        if user_id is None:
            raise AssertionError("it was noted")
        async with self._sessions.begin() as session:
            return _out(await kept.count(session, reach, gate.reach(*_REQUESTS), user_id))

    async def ReassignFollowUps(
        self, request: pb2.ReassignFollowUpsRequest, context: Context
    ) -> pb2.ReassignFollowUpsResponse:
        """Gives it to others."""
        reach, problems = usecases.manager(gate.may("follow_ups", "write")), Problems()
        leaver = fields.uuid(request.user_id, "user_id", problems)
        taker = fields.uuid(request.to_user_id, "to_user_id", problems)
        if leaver is not None and leaver == taker:
            problems.add("to_user_id", "must be somebody else")
        problems.raise_if_any()
        if leaver is None or taker is None:
            raise AssertionError("they were noted")
        wish = usecases.Wish(leaver, taker, request.prefer_owners)
        async with self._sessions.begin() as session:

            async def give() -> pb2.ReassignFollowUpsResponse:
                asked = gate.reach(*_REQUESTS)
                count, left = await usecases.reassign(session, reach, asked, wish)
                return pb2.ReassignFollowUpsResponse(given=_out(count), remaining_count=left)

            return await idempotency.once(
                session, "ReassignFollowUps", request, pb2.ReassignFollowUpsResponse, give
            )


def _out(count: Count) -> pb2.ReassignmentCount:
    return pb2.ReassignmentCount(
        follow_up_count=count.follow_ups,
        series_count=count.series,
        occurrence_count=count.occurrences,
        batch_count=count.batches,
        request_count=count.requests,
    )
