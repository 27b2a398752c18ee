"""Do-not-call lists and agreements as callers see them."""

from crm.notifier.v1 import compliance_pb2, message_pb2

from chassis.rpc import times
from services.notifier.storage.agreements import Stored
from services.notifier.storage.do_not_call import List


def do_not_call_list(it: List, added: int = 0, removed: int = 0) -> compliance_pb2.DoNotCallList:
    """A list, with what a call changed of it."""
    return compliance_pb2.DoNotCallList(
        name=it.name,
        as_of=times.out(it.as_of),
        entries=it.entries,
        update_time=times.out(it.updated_at),
        added=added,
        removed=removed,
    )


def agreement(it: Stored) -> compliance_pb2.Agreement:
    """An agreement."""
    return compliance_pb2.Agreement(
        id=str(it.id),
        advertiser_id=str(it.advertiser_id),
        channel=message_pb2.Channel.ValueType(it.channel),
        address=it.address,
        contact_id=str(it.contact_id) if it.contact_id else "",
        most=it.most or 0,
        windows=it.windows,
        evidence=it.evidence,
        expire_time=times.out(it.expires_at),
        actor=it.actor,
        create_time=times.out(it.created_at),
    )
