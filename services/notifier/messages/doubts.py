"""Doubts, their evidence and what was done about them, as callers see them."""

from collections.abc import Iterable

from crm.notifier.v1 import doubt_pb2, message_pb2

from chassis.rpc import times
from services.notifier.domain import doubts as domain
from services.notifier.domain.doubts import TELLERS, Policy
from services.notifier.domain.states import Reason
from services.notifier.messages import progress
from services.notifier.storage import evidence, rows
from services.notifier.storage.doubts import Deed, Doubt


def doubt(
    it: Doubt,
    policy: Policy,
    attempts: Iterable[rows.Attempt],
    receipts: Iterable[evidence.Receipt],
) -> doubt_pb2.Doubt:
    """A message in doubt with its evidence."""
    message = it.message
    due = domain.due(
        policy, message.purpose, since=it.since, doubts=it.doubts, resendable=it.resendable
    )
    return doubt_pb2.Doubt(
        message=progress.view(message, attempts),
        etag=str(message.revision),
        doubt_time=times.out(it.since),
        written=message.reason == Reason.ANSWER_LOST,
        receipts=[receipt(each) for each in receipts],
        teller=doubt_pb2.DoubtTeller.ValueType(TELLERS[message.channel]),
        policy=doubt_pb2.DoubtAct.ValueType(due.act),
        policy_time=times.out(due.at),
        campaign_id=str(it.campaign_id or ""),
    )


def receipt(it: evidence.Receipt) -> doubt_pb2.Receipt:
    """What a provider said of a part."""
    return doubt_pb2.Receipt(
        provider=it.provider,
        reference=it.reference,
        state=message_pb2.MessageState.ValueType(it.state),
        detail=it.detail,
        receive_time=times.out(it.received_at),
    )


def deed(it: Deed) -> doubt_pb2.DoubtDeed:
    """What was done about doubts."""
    made = doubt_pb2.DoubtDeed(
        id=str(it.id),
        create_time=times.out(it.created_at),
        actor=it.actor,
        act=doubt_pb2.DoubtAct.ValueType(it.act),
        reason=it.reason,
        count=it.count,
        message_id=str(it.message_id or ""),
    )
    if it.filter:
        made.filter.MergeFromString(it.filter)
    return made


def done(it: evidence.Done) -> doubt_pb2.DoubtDeed:
    """What was done about the doubt of one message."""
    return doubt_pb2.DoubtDeed(
        create_time=times.out(it.created_at),
        actor=it.actor,
        act=doubt_pb2.DoubtAct.ValueType(it.act),
        reason=it.reason,
        count=1,
    )
