"""SegmentService."""

from crm.leads.v1 import segment_pb2, segment_service_pb2, segment_service_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from pydantic import SecretStr

from chassis.db import Sessions, idempotency
from chassis.rpc import fieldmask
from services.leads.domain import conditions
from services.leads.domain.fields import Checks
from services.leads.domain.segment import Segment
from services.leads.messages import contacts as contact_messages
from services.leads.messages import segments as messages
from services.leads.rpc import pages
from services.leads.rpc.requests import Clock, Context, required_id
from services.leads.storage import segments as storage
from services.leads.usecases import hidden, segments
from services.leads.usecases.segments import SegmentDraft

pb = segment_service_pb2

RESOURCE = "segments"
_FIELDS = frozenset({"name", "description", "definition"})


class SegmentServicer(segment_service_pb2_grpc.SegmentServiceServicer):
    """Stored questions about contacts."""

    def __init__(self, sessions: Sessions, seal: SecretStr, clock: Clock) -> None:
        self._sessions = sessions
        self._seal = seal
        self._clock = clock

    async def CreateSegment(
        self, request: pb.CreateSegmentRequest, context: Context
    ) -> segment_pb2.Segment:
        """Stores a segment."""
        checks, draft = _draft(request.segment)
        async with self._sessions.begin() as session:

            async def work() -> segment_pb2.Segment:
                made = await segments.create(session, checks, draft, now=self._clock())
                return _told(made)

            return await idempotency.once(
                session, "CreateSegment", request, segment_pb2.Segment, work
            )

    async def GetSegment(
        self, request: pb.GetSegmentRequest, context: Context
    ) -> segment_pb2.Segment:
        """Returns one segment."""
        segment_id = required_id(request.id)
        async with self._sessions.begin() as session:
            return _told(await segments.get(session, segment_id))

    async def ListSegments(
        self, request: pb.ListSegmentsRequest, context: Context
    ) -> pb.ListSegmentsResponse:
        """Lists segments by name."""
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await storage.page(session, page)
        return pb.ListSegmentsResponse(
            segments=[_told(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )

    async def UpdateSegment(
        self, request: pb.UpdateSegmentRequest, context: Context
    ) -> segment_pb2.Segment:
        """Changes a segment."""
        given = request.segment
        segment_id = required_id(given.id, "segment.id")
        changed = fieldmask.paths(request.update_mask, given, _FIELDS)
        changed = sorted({it.split(".")[0] for it in changed})
        checks, draft = _draft(given)
        async with self._sessions.begin() as session:
            made = await segments.change(
                session, checks, segment_id, given.etag, draft, changed, now=self._clock()
            )
            return _told(made)

    async def DeleteSegment(self, request: pb.DeleteSegmentRequest, context: Context) -> Empty:
        """Deletes a segment."""
        segment_id = required_id(request.id)
        async with self._sessions.begin() as session:
            await segments.delete(session, segment_id, request.etag)
        return Empty()

    async def PreviewSegment(
        self, request: pb.PreviewSegmentRequest, context: Context
    ) -> pb.PreviewSegmentResponse:
        """Counts and samples a definition."""
        checks = Checks()
        definition = messages.definition(checks, request.definition, "definition")
        conditions.check(checks, definition)
        if request.sample_size < 0:
            checks.wrong("sample_size", "is negative")
        checks.finish()
        hidden.refuse_question(definition)
        async with self._sessions.begin() as session:
            found = await segments.preview(
                session, definition, request.sample_size, now=self._clock()
            )
        return pb.PreviewSegmentResponse(
            count=found.count,
            sample=[contact_messages.contact(it) for it in found.sample],
            windows=messages.windows(found.windows),
        )


def _told(it: Segment) -> segment_pb2.Segment:
    return messages.segment(hidden.told(it))


def _draft(given: segment_pb2.Segment) -> tuple[Checks, SegmentDraft]:
    """Return what somebody wrote, and what of it could not even be read."""
    checks = Checks()
    definition = messages.definition(checks, given.definition, "segment.definition")
    hidden.refuse_question(definition)
    draft = SegmentDraft(name=given.name, description=given.description, definition=definition)
    return checks, draft
