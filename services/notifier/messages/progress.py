"""Reports of what became of messages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from crm.notifier.v1 import events_pb2, message_pb2

from chassis.rpc import times
from services.notifier.storage import batches, rows

MOST = 1_000


@dataclass(frozen=True)
class Event:
    """A report and the key it is published with."""

    body: events_pb2.MessagesProgressed
    key: str


def reports(changed: Sequence[rows.Changed], region: str) -> list[Event]:
    """One event per run and 1,000 messages."""
    runs: dict[tuple[UUID, date], list[rows.Changed]] = {}
    for message in changed:
        if message.run_id is not None:
            runs.setdefault((message.run_id, message.run_date), []).append(message)
    return [
        Event(_progressed(run_id, run_date, region, messages[at : at + MOST]), str(run_id))
        for (run_id, run_date), messages in runs.items()
        for at in range(0, len(messages), MOST)
    ]


def settled(
    messages: Iterable[tuple[rows.Message, batches.Caller | None]],
) -> events_pb2.MessagesSettled:
    """What is told of messages without a run that ended or are in doubt, each with its caller."""
    told = events_pb2.MessagesSettled()
    for message, by in messages:
        caller, request_id = by or ("", "")
        told.messages.add(message=view(message), caller=caller, request_id=request_id)
    return told


def view(message: rows.Message, attempts: Iterable[rows.Attempt] = ()) -> message_pb2.Message:
    """The message as callers see it."""
    return message_pb2.Message(
        id=str(message.key.message_id),
        run_date=message.key.run_date.isoformat(),
        run_id=str(message.run_id) if message.run_id else "",
        contact_id=str(message.contact_id) if message.contact_id else "",
        channel=message_pb2.Channel.ValueType(message.channel),
        purpose=message_pb2.Purpose.ValueType(message.purpose),
        advertiser_id=str(message.advertiser_id),
        address=message.address,
        state=message_pb2.MessageState.ValueType(message.state),
        reason=message.reason,
        rule=message.rule,
        revision=message.revision,
        attempts=[_attempt(it) for it in attempts],
        create_time=times.out(message.created_at),
        update_time=times.out(message.updated_at),
        not_before=times.out(message.not_before),
    )


def _progressed(
    run_id: UUID, run_date: date, region: str, messages: Sequence[rows.Changed]
) -> events_pb2.MessagesProgressed:
    groups: dict[tuple[int, str, str, int, datetime], list[UUID]] = {}
    for message in messages:
        alike = (
            message.state,
            message.reason,
            message.rule,
            message.revision,
            message.updated_at,
        )
        groups.setdefault(alike, []).append(message.message_id)
    return events_pb2.MessagesProgressed(
        run_id=str(run_id),
        run_date=run_date.isoformat(),
        region=region,
        groups=[
            events_pb2.ProgressGroup(
                state=message_pb2.MessageState.ValueType(state),
                reason=reason,
                rule=rule,
                revision=revision,
                time=times.out(at),
                message_ids=b"".join([it.bytes for it in ids]),
            )
            for (state, reason, rule, revision, at), ids in groups.items()
        ],
    )


def _attempt(attempt: rows.Attempt) -> message_pb2.Attempt:
    return message_pb2.Attempt(
        number=attempt.number,
        provider=attempt.provider,
        worker=attempt.worker,
        start_time=times.out(attempt.started_at),
        end_time=times.out(attempt.ended_at),
        outcome=message_pb2.MessageState.ValueType(attempt.outcome or 0),
        answer=attempt.answer,
        provider_reference=attempt.provider_reference,
    )
