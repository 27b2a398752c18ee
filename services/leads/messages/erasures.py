"""Erasures between the contract and the domain."""

from crm.erasure.v1 import erasure_pb2 as shared_pb2
from crm.leads.v1 import erasure_pb2

from services.leads.domain.erasure import Erasure, Part, State
from services.leads.messages import values


def erasure(it: Erasure) -> erasure_pb2.Erasure:
    """Return the contract's erasure with its report."""
    return erasure_pb2.Erasure(
        id=str(it.id),
        contact_id=str(it.contact_id),
        reason=erasure_pb2.ErasureReason.ValueType(it.reason),
        state=erasure_pb2.ErasureState.ValueType(it.state),
        requester_id=it.requester_id,
        request_time=values.stamp(it.request_time),
        end_time=values.stamp(it.end_time if it.state is State.DONE else None),
        rounds=it.rounds,
        parts=[_part(name, part) for name, part in sorted(it.parts.items())],
    )


def _part(name: str, it: Part) -> erasure_pb2.ErasurePart:
    return erasure_pb2.ErasurePart(
        name=name,
        erased=[shared_pb2.ErasedKind(kind=kind, count=n) for kind, n in sorted(it.erased.items())],
        waiting=it.waiting,
        clean=it.clean,
        answer_time=values.stamp(it.answer_time),
        trouble=it.trouble,
    )
