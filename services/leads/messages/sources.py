"""Sources and life stages between the contract and the domain."""

from crm.leads.v1 import source_pb2

from services.leads.domain.source import Source, StageDraft
from services.leads.domain.status import LifeStage
from services.leads.messages import values


def source(it: Source) -> source_pb2.Source:
    """Return the contract's source."""
    return source_pb2.Source(
        id=str(it.id),
        revision=it.revision,
        etag=str(it.revision),
        name=it.name,
        code=it.code,
        retire_time=values.stamp(it.retire_time),
        create_time=values.stamp(it.create_time),
    )


def stage(it: LifeStage) -> source_pb2.LifeStage:
    """Return the contract's life stage."""
    return source_pb2.LifeStage(
        id=str(it.id),
        revision=it.revision,
        etag=str(it.revision),
        name=it.name,
        position=it.position,
        color=it.color,
        probability=it.probability,
        implied_status=int(it.implied_status or 0),  # type: ignore[arg-type]
        create_time=values.stamp(it.create_time),
    )


def stage_draft(it: source_pb2.LifeStage) -> StageDraft:
    """Return a life stage as somebody wrote it."""
    return StageDraft(
        name=it.name,
        position=it.position,
        color=it.color,
        probability=it.probability,
        implied_status=it.implied_status,
    )
