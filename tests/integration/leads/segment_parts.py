"""Conditions of segments, and who they choose."""

from crm.leads.v1 import segment_pb2
from crm.leads.v1 import segment_service_pb2 as pb

from tests.integration.leads.conftest import Leads

EQUALS, CONTAINS, STARTS_WITH, PRESENT, ABSENT = range(1, 6)
ALL, ANY, NONE = range(1, 4)
WITHIN, LAPSED, NEVER = range(1, 4)
ZALO = "01980000-0000-7000-8000-000000000002"
STAGE = "01980000-0000-7000-8000-000000000012"


def field(name: str, comparison: int, *values: str) -> segment_pb2.Condition:
    told = segment_pb2.FieldCondition(field=name, comparison=comparison, values=values)  # type: ignore[arg-type]
    return segment_pb2.Condition(field=told)


def group(*conditions: segment_pb2.Condition, match: int = ALL) -> segment_pb2.Group:
    return segment_pb2.Group(match=match, conditions=conditions)  # type: ignore[arg-type]


def bought(question: int, days: int = 0) -> segment_pb2.Condition:
    told = segment_pb2.TransactionCondition(question=question, days=days)  # type: ignore[arg-type]
    return segment_pb2.Condition(transaction=told)


async def preview(leads: Leads, definition: segment_pb2.Group) -> pb.PreviewSegmentResponse:
    request = pb.PreviewSegmentRequest(definition=definition, sample_size=100)
    found: pb.PreviewSegmentResponse = await leads.segments.PreviewSegment(request)
    return found


async def who(leads: Leads, *conditions: segment_pb2.Condition, match: int = ALL) -> set[str]:
    found = await preview(leads, group(*conditions, match=match))
    names = {it.display_name for it in found.sample}
    assert found.count == len(found.sample)
    return names


async def create(leads: Leads, name: str, definition: segment_pb2.Group) -> segment_pb2.Segment:
    segment = segment_pb2.Segment(name=name, definition=definition)
    made: segment_pb2.Segment = await leads.segments.CreateSegment(
        pb.CreateSegmentRequest(segment=segment)
    )
    return made
