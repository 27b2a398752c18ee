"""SourceService and LifeStageService."""

from crm.leads.v1 import source_pb2, source_service_pb2, source_service_pb2_grpc
from pydantic import SecretStr

from chassis.db import Sessions, idempotency
from chassis.rpc import fieldmask
from services.leads.domain.source import Source
from services.leads.messages import sources as messages
from services.leads.rpc import pages
from services.leads.rpc.requests import Clock, Context, required_id
from services.leads.storage import sources as storage
from services.leads.usecases import sources

pb = source_service_pb2

RESOURCE = "sources"
_SOURCE_FIELDS = frozenset({"name", "code"})
_STAGE_FIELDS = frozenset({"name", "position", "color", "probability", "implied_status"})


class SourceServicer(source_service_pb2_grpc.SourceServiceServicer):
    """Sources of contacts."""

    def __init__(self, sessions: Sessions, seal: SecretStr, clock: Clock) -> None:
        self._sessions = sessions
        self._seal = seal
        self._clock = clock

    async def CreateSource(
        self, request: pb.CreateSourceRequest, context: Context
    ) -> source_pb2.Source:
        """Adds a source."""
        given = request.source
        async with self._sessions.begin() as session:

            async def work() -> source_pb2.Source:
                made = await sources.create(session, given.name, given.code, now=self._clock())
                return messages.source(made)

            return await idempotency.once(session, "CreateSource", request, source_pb2.Source, work)

    async def GetSource(self, request: pb.GetSourceRequest, context: Context) -> source_pb2.Source:
        """Returns one source."""
        source_id = required_id(request.id)
        async with self._sessions.begin() as session:
            return messages.source(await sources.get(session, source_id))

    async def ListSources(
        self, request: pb.ListSourcesRequest, context: Context
    ) -> pb.ListSourcesResponse:
        """Lists sources by name."""
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await storage.page(
                session, page, include_retired=request.include_retired
            )
        return pb.ListSourcesResponse(
            sources=[messages.source(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )

    async def UpdateSource(
        self, request: pb.UpdateSourceRequest, context: Context
    ) -> source_pb2.Source:
        """Renames a source."""
        given = request.source
        source_id = required_id(given.id, "source.id")
        changed = fieldmask.paths(request.update_mask, given, _SOURCE_FIELDS)
        wanted = Source(
            id=source_id, revision=0, name=given.name, code=given.code, create_time=self._clock()
        )
        async with self._sessions.begin() as session:
            return messages.source(await sources.change(session, wanted, given.etag, changed))

    async def RetireSource(
        self, request: pb.RetireSourceRequest, context: Context
    ) -> source_pb2.Source:
        """Retires a source."""
        source_id = required_id(request.id)
        async with self._sessions.begin() as session:
            return messages.source(await sources.retire(session, source_id, now=self._clock()))


class LifeStageServicer(source_service_pb2_grpc.LifeStageServiceServicer):
    """Life stages of leads and customers; the right is that of sources."""

    def __init__(self, sessions: Sessions, seal: SecretStr, clock: Clock) -> None:
        self._sessions = sessions
        self._seal = seal
        self._clock = clock

    async def CreateLifeStage(
        self, request: pb.CreateLifeStageRequest, context: Context
    ) -> source_pb2.LifeStage:
        """Adds a stage."""
        draft = messages.stage_draft(request.life_stage)
        async with self._sessions.begin() as session:

            async def work() -> source_pb2.LifeStage:
                return messages.stage(await sources.create_stage(session, draft, now=self._clock()))

            return await idempotency.once(
                session, "CreateLifeStage", request, source_pb2.LifeStage, work
            )

    async def GetLifeStage(
        self, request: pb.GetLifeStageRequest, context: Context
    ) -> source_pb2.LifeStage:
        """Returns one stage."""
        stage_id = required_id(request.id)
        async with self._sessions.begin() as session:
            return messages.stage(await sources.get_stage(session, stage_id))

    async def ListLifeStages(
        self, request: pb.ListLifeStagesRequest, context: Context
    ) -> pb.ListLifeStagesResponse:
        """Lists all stages by position."""
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await storage.stage_page(session, page)
        return pb.ListLifeStagesResponse(
            life_stages=[messages.stage(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )

    async def UpdateLifeStage(
        self, request: pb.UpdateLifeStageRequest, context: Context
    ) -> source_pb2.LifeStage:
        """Changes a stage."""
        given = request.life_stage
        stage_id = required_id(given.id, "life_stage.id")
        changed = fieldmask.paths(request.update_mask, given, _STAGE_FIELDS)
        draft = messages.stage_draft(given)
        async with self._sessions.begin() as session:
            made = await sources.change_stage(session, stage_id, given.etag, draft, changed)
            return messages.stage(made)
