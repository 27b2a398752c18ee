"""SourceCostService."""

from crm.leads.v1 import source_cost_pb2, source_cost_service_pb2, source_cost_service_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from pydantic import SecretStr

from chassis.db import Sessions, idempotency
from chassis.rpc import fieldmask
from services.leads.domain.source_cost import check_days_asked
from services.leads.messages import source_costs as messages
from services.leads.rpc import pages
from services.leads.rpc.requests import Clock, Context, optional_id, required_id
from services.leads.storage import source_costs as storage
from services.leads.usecases import source_costs

pb = source_cost_service_pb2

RESOURCE = "sources"
_FIELDS = ("source_id", "start_date", "end_date", "amount", "currency", "note")


class SourceCostServicer(source_cost_service_pb2_grpc.SourceCostServiceServicer):
    """What sources cost; the right is that of sources."""

    def __init__(self, sessions: Sessions, seal: SecretStr, clock: Clock) -> None:
        self._sessions = sessions
        self._seal = seal
        self._clock = clock

    async def CreateSourceCost(
        self, request: pb.CreateSourceCostRequest, context: Context
    ) -> source_cost_pb2.SourceCost:
        """Adds a cost."""
        draft = messages.draft(request.source_cost)
        async with self._sessions.begin() as session:

            async def work() -> source_cost_pb2.SourceCost:
                made = await source_costs.create(session, draft, now=self._clock())
                return messages.cost(made)

            return await idempotency.once(
                session, "CreateSourceCost", request, source_cost_pb2.SourceCost, work
            )

    async def ListSourceCosts(
        self, request: pb.ListSourceCostsRequest, context: Context
    ) -> pb.ListSourceCostsResponse:
        """Lists costs, latest days first."""
        source_id = optional_id(request.source_id, "source_id")
        days = check_days_asked(request.start_date, request.end_date)
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await storage.page(session, source_id, days, page)
        return pb.ListSourceCostsResponse(
            source_costs=[messages.cost(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )

    async def GetSourceCost(
        self, request: pb.GetSourceCostRequest, context: Context
    ) -> source_cost_pb2.SourceCost:
        """Reads a cost."""
        cost_id = required_id(request.id)
        async with self._sessions.begin() as session:
            return messages.cost(await source_costs.get(session, cost_id))

    async def UpdateSourceCost(
        self, request: pb.UpdateSourceCostRequest, context: Context
    ) -> source_cost_pb2.SourceCost:
        """Changes a cost."""
        given = request.source_cost
        cost_id = required_id(given.id, "source_cost.id")
        names = fieldmask.paths(request.update_mask, given, _FIELDS)
        async with self._sessions.begin() as session:
            changed = await source_costs.change(
                session, cost_id, messages.draft(given), given.etag, names
            )
            return messages.cost(changed)

    async def DeleteSourceCost(
        self, request: pb.DeleteSourceCostRequest, context: Context
    ) -> Empty:
        """Deletes a cost."""
        cost_id = required_id(request.id)
        async with self._sessions.begin() as session:
            await source_costs.delete(session, cost_id)
        return Empty()
