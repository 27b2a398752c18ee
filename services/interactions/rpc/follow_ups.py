"""Things to do with contacts."""

from typing import Any
from uuid import UUID

import grpc
from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2_grpc
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from google.protobuf import empty_pb2
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import idempotency, paging
from chassis.rpc import fieldmask, times
from services.interactions.domain import fields
from services.interactions.domain import follow_ups as rules
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import FollowUp, Status
from services.interactions.messages import contact_reminders as reminded
from services.interactions.messages import deliveries as sent
from services.interactions.messages import follow_ups as messages
from services.interactions.rpc import gate, sending, steps
from services.interactions.rpc.sending import Desk
from services.interactions.storage import contact_reminders, deliveries
from services.interactions.storage import follow_ups as kept
from services.interactions.storage.follow_ups import Filter
from services.interactions.usecases import follow_ups as usecases
from services.interactions.usecases import found

Context = grpc.aio.ServicerContext[Any, Any]


class FollowUpServicer(follow_up_service_pb2_grpc.FollowUpServiceServicer):
    """Serves `FollowUpService`."""

    def __init__(
        self, sessions: db.Sessions, contacts: gate.Gate, desk: Desk, seal_key: SecretStr
    ) -> None:
        self._sessions = sessions
        self._contacts = contacts
        self._desk = desk
        self._seal_key = seal_key

    async def CreateFollowUp(
        self, request: pb2.CreateFollowUpRequest, context: Context
    ) -> follow_up_pb2.FollowUp:
        """Plans a follow-up with a contact that the caller may see."""
        caller = gate.may("follow_ups", "write")
        problems = Problems()
        columns = rules.columns(messages.fields(request.follow_up, rules.FIELDS), problems)
        rules.with_end(columns, None, problems)
        message = rules.with_audience(columns, None, problems)
        contact_ids = rules.contacts_in(columns)
        sending.may_send_to_segment(columns)
        told = request.follow_up.reminders
        await sending.check_reminders(self._desk, told, columns, problems)
        await sending.known(self._contacts, contact_ids, problems)
        await sending.admit(self._desk, message, columns["type"], problems)
        async with self._sessions.begin() as session:

            async def create() -> follow_up_pb2.FollowUp:
                made = await usecases.create(session, caller, columns)
                return messages.out(made, sorted(contact_ids))

            return await idempotency.once(
                session, "CreateFollowUp", request, follow_up_pb2.FollowUp, create
            )

    async def GetFollowUp(
        self, request: pb2.GetFollowUpRequest, context: Context
    ) -> follow_up_pb2.FollowUp:
        """Returns one within reach."""
        readable = gate.may("follow_ups", "read")
        follow_up_id = found.parsed(request.id, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            return await _whole(session, await usecases.get(session, readable, follow_up_id))

    async def ListFollowUps(
        self, request: pb2.ListFollowUpsRequest, context: Context
    ) -> pb2.ListFollowUpsResponse:
        """Lists those within reach, by start."""
        readable = gate.may("follow_ups", "read")
        wanted = _filter(request)
        page = paging.read(request.page_size, request.page_token, vars(wanted), self._seal_key)
        after: Any = page.after
        async with self._sessions.begin() as session:
            listed = await kept.page(session, wanted, readable, page.size + 1, after)
            shown = listed[: page.size]
            many = [each.id for each in shown if each.contact_id is None]
            contacts = await deliveries.contacts_of(session, many, rules.MOST_CONTACTS)
        token = ""
        if len(listed) > page.size:
            last = shown[-1]
            token = paging.token([last.start_time, last.id], vars(wanted), self._seal_key)
        return pb2.ListFollowUpsResponse(
            follow_ups=[messages.out(each, contacts.get(each.id, ())) for each in shown],
            next_page_token=token,
        )

    async def UpdateFollowUp(
        self, request: pb2.UpdateFollowUpRequest, context: Context
    ) -> follow_up_pb2.FollowUp:
        """Changes the fields of the mask."""
        allowed, readable = gate.may("follow_ups", "write"), gate.reach("follow_ups", "read")
        given, problems = request.follow_up, Problems()
        follow_up_id = found.parsed(given.id, usecases.RESOURCE)
        paths = fieldmask.paths(request.update_mask, given, rules.FIELDS)
        columns = rules.columns(messages.fields(given, paths), problems)
        sending.may_send_to_segment(columns)
        await sending.check_reminders(self._desk, given.reminders, columns, problems)
        await sending.known(self._contacts, rules.contacts_in(columns), problems)
        async with self._sessions.begin() as session:
            before = await usecases.locked(session, readable, allowed, follow_up_id, "write")
        tried = dict(columns)
        message = rules.with_audience(tried, before, problems)
        await sending.admit(self._desk, message, tried.get("type", before.type), problems)
        async with self._sessions.begin() as session:

            async def update() -> follow_up_pb2.FollowUp:
                before = await usecases.locked(session, readable, allowed, follow_up_id, "write")
                after = await usecases.update(session, before, given.etag, columns)
                return await _whole(session, after)

            return await idempotency.once(
                session, "UpdateFollowUp", request, follow_up_pb2.FollowUp, update
            )

    async def PreviewFollowUp(
        self, request: pb2.PreviewFollowUpRequest, context: Context
    ) -> pb2.PreviewFollowUpResponse:
        """Shows what contacts would get."""
        return await sending.preview(self._desk, self._contacts, request)

    async def ListFollowUpDeliveries(
        self, request: pb2.ListFollowUpDeliveriesRequest, context: Context
    ) -> pb2.ListFollowUpDeliveriesResponse:
        """Lists the messages of one within reach."""
        readable = gate.may("follow_ups", "read")
        follow_up_id = found.parsed(request.follow_up_id, usecases.RESOURCE)
        wanted = {"id": follow_up_id, "states": sorted(request.states)}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        after: Any = page.after[0] if page.after else None
        states = sent.states(request.states)
        async with self._sessions.begin() as session:
            await usecases.get(session, readable, follow_up_id)
            listed = await deliveries.page(session, follow_up_id, states, page.size + 1, after)
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            token = paging.token([shown[-1].key.contact_id], wanted, self._seal_key)
        return pb2.ListFollowUpDeliveriesResponse(
            deliveries=[sent.out(each) for each in shown], next_page_token=token
        )

    async def ListContactReminders(
        self, request: pb2.ListContactRemindersRequest, context: Context
    ) -> pb2.ListContactRemindersResponse:
        """Lists the reminders to the contact of one within reach."""
        readable = gate.may("follow_ups", "read")
        follow_up_id = found.parsed(request.follow_up_id, usecases.RESOURCE)
        wanted = {"id": follow_up_id}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        before: Any = page.after
        async with self._sessions.begin() as session:
            await usecases.get(session, readable, follow_up_id)
            listed = await contact_reminders.page(session, follow_up_id, page.size + 1, before)
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            last = shown[-1].delivery.key
            place: list[paging.Key] = [last.start_time, last.minutes_before, last.contact_id]
            token = paging.token(place, wanted, self._seal_key)
        return pb2.ListContactRemindersResponse(
            reminders=[reminded.out(each) for each in shown], next_page_token=token
        )

    async def DeleteFollowUp(
        self, request: pb2.DeleteFollowUpRequest, context: Context
    ) -> empty_pb2.Empty:
        """Deletes one."""
        allowed, readable = gate.may("follow_ups", "delete"), gate.reach("follow_ups", "read")
        follow_up_id = found.parsed(request.id, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            before = await usecases.locked(session, readable, allowed, follow_up_id, "delete")
            await usecases.delete(session, before, request.etag)
        return empty_pb2.Empty()

    async def CompleteFollowUp(
        self, request: pb2.CompleteFollowUpRequest, context: Context
    ) -> follow_up_pb2.FollowUp:
        """Says that it was done, and plans the next step."""
        caller, problems = gate.may("follow_ups", "write"), Problems()
        outcome = fields.text(
            request.outcome, "outcome", rules.LONGEST_OUTCOME, problems, required=True
        )
        step = steps.columns(request, problems)
        problems.raise_if_any()
        readable = gate.reach("follow_ups", "read")
        follow_up_id = found.parsed(request.id, usecases.RESOURCE)
        async with self._sessions.begin() as session:

            async def complete() -> follow_up_pb2.FollowUp:
                before = await usecases.locked(session, readable, caller, follow_up_id, "write")
                etag, to = request.etag, Status.COMPLETED
                if step is not None:
                    await usecases.plan_next(session, caller, before, etag, step)
                after = await usecases.close(session, before, etag, to, outcome)
                return await _whole(session, after)

            return await idempotency.once(
                session, "CompleteFollowUp", request, follow_up_pb2.FollowUp, complete
            )

    async def CancelFollowUp(
        self, request: pb2.CancelFollowUpRequest, context: Context
    ) -> follow_up_pb2.FollowUp:
        """Says that it will not be done."""
        problems = Problems()
        reason = fields.text(request.reason, "reason", rules.LONGEST_OUTCOME, problems)
        problems.raise_if_any()
        return await self._close(request.id, request.etag, Status.CANCELLED, reason)

    async def _close(
        self, wanted: str, etag: str, to: Status, outcome: str
    ) -> follow_up_pb2.FollowUp:
        allowed, readable = gate.may("follow_ups", "write"), gate.reach("follow_ups", "read")
        follow_up_id = found.parsed(wanted, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            before = await usecases.locked(session, readable, allowed, follow_up_id, "write")
            return await _whole(session, await usecases.close(session, before, etag, to, outcome))


async def _whole(session: AsyncSession, found: FollowUp) -> follow_up_pb2.FollowUp:
    """A follow-up with its contacts."""
    if found.contact_id is not None:
        return messages.out(found)
    contacts = await deliveries.contacts_of(session, [found.id], rules.MOST_CONTACTS)
    return messages.out(found, contacts.get(found.id, ()))


def _filter(request: pb2.ListFollowUpsRequest) -> Filter:
    problems = Problems()
    wanted = Filter(
        contact_id=_id(request.contact_id, "contact_id", problems),
        assignee_id=_id(request.assignee_id, "assignee_id", problems),
        statuses=messages.statuses(request.statuses),
        types=messages.types(request.types),
        start_from=times.read(request.start_from),
        start_until=times.read(request.start_until),
        newest_first=request.newest_first,
        overdue_at=times.read(request.overdue_at),
        unassigned=request.unassigned,
        to_many=request.to_many,
        batch_id=_id(request.batch_id, "batch_id", problems),
    )
    problems.raise_if_any()
    return wanted


def _id(text: str, field: str, problems: Problems) -> UUID | None:
    return fields.uuid(text, field, problems) if text else None
