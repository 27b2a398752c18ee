"""Costs of sources between the contract and the domain."""

from crm.leads.v1 import source_cost_pb2

from services.leads.domain.source_cost import Draft, SourceCost
from services.leads.messages import values


def cost(it: SourceCost) -> source_cost_pb2.SourceCost:
    """Return the contract's cost."""
    return source_cost_pb2.SourceCost(
        id=str(it.id),
        source_id=str(it.source_id),
        start_date=it.start_date.isoformat(),
        end_date=it.end_date.isoformat(),
        amount=it.amount,
        currency=it.currency,
        note=it.note,
        creator_id=it.creator_id,
        create_time=values.stamp(it.create_time),
        revision=it.revision,
        etag=str(it.revision),
    )


def draft(it: source_cost_pb2.SourceCost) -> Draft:
    """Return a cost as somebody wrote it."""
    return Draft(
        source_id=it.source_id,
        start_date=it.start_date,
        end_date=it.end_date,
        amount=it.amount,
        currency=it.currency,
        note=it.note,
    )
