"""What a follow-up sends, before it is saved: checked, admitted, previewed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from crm.interactions.v1 import delivery_pb2, follow_up_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2

from chassis import context
from chassis.context import Level
from chassis.errors import FieldViolation, InvalidArgument, PermissionDenied
from services import variables
from services.interactions.clients.audiences import Audiences
from services.interactions.clients.notifier import Notifier
from services.interactions.clients.renderer import Rendered, Renderer
from services.interactions.domain import follow_ups as rules
from services.interactions.domain import messages as domain
from services.interactions.domain import reminders, senders
from services.interactions.domain.fields import Problems
from services.interactions.domain.messages import Channel, Message
from services.interactions.domain.rendering import Refusal
from services.interactions.messages import follow_ups as messages
from services.interactions.messages.people import Person
from services.interactions.rpc import gate

_SHOWN = 5
_PREVIEWED = ("type", "contact_ids", "message")


class Desk(NamedTuple):
    """Whom a message is checked with."""

    notifier: Notifier
    people: Audiences
    renderer: Renderer
    mails_staff: bool = False

    async def admit(
        self, message: Message, channel: Channel, problems: Problems, *, of: str = "follow_up"
    ) -> None:
        """Notes a sender that does not fit; raises for a message that cannot be rendered."""
        await self.notifier.check(message, channel, f"{of}.message", problems)
        problems.raise_if_any()
        try:
            await self.renderer.admit(message.templates, domain.limits(channel))
        except InvalidArgument as refused:
            refused.violations = [
                FieldViolation(f"{of}.{it.field.partition('.')[2]}", it.description)
                for it in refused.violations
            ]
            raise


async def admit(
    desk: Desk,
    message: Message | None,
    type_: str | None,
    problems: Problems,
    *,
    of: str = "follow_up",
) -> None:
    """As `Desk.admit`, where there is a message; raises all problems that were noted."""
    problems.raise_if_any()
    channel = domain.channel_of(type_) if type_ else None
    if message is not None and channel is not None:
        await desk.admit(message, channel, problems, of=of)


async def check_reminders(
    desk: Desk,
    told: Sequence[follow_up_pb2.FollowUpReminder],
    columns: Mapping[str, Any],
    problems: Problems,
    *,
    of: str = "follow_up",
) -> None:
    """Notes a reminder by e-mail where nobody is set up to send it, and a sender that is none.

    `columns` hold what was `told`, if reminders are changed.
    """
    given, at = columns.get("reminders", ()), f"{of}.reminders"
    if not desk.mails_staff and any(reminders.Channel.EMAIL in it["channels"] for it in given):
        problems.add(at, "no sender of mails to staff is set up")
    places = {it.minutes_before: place for place, it in enumerate(told)}
    for each in given:
        if each.get("to_contact"):
            sender = senders.loaded(each["to_contact"])
            field = f"{at}[{places[each['minutes_before']]}].to_contact"
            await desk.notifier.check(sender, sender.channel, field, problems)


def may_send_to_segment(columns: dict[str, Any]) -> None:
    """Raises `PermissionDenied` where a segment is named by somebody who may not see everybody."""
    if columns.get("segment_id") is None:
        return
    if gate.may("contacts", "read").level is not Level.ALL:
        raise PermissionDenied(
            "RIGHT_MISSING",
            "a segment may hold contacts that you may not see",
            resource="contacts",
            action="read",
        )


async def preview(
    desk: Desk, contacts: gate.Gate, request: pb2.PreviewFollowUpRequest
) -> pb2.PreviewFollowUpResponse:
    """Renders for the first contacts what they would get now, without what the caller may not see.

    The address is cleared from the answer by its contract.
    """
    gate.may("follow_ups", "write")
    problems = Problems()
    given = messages.fields(request.follow_up, _PREVIEWED)
    columns = rules.columns(given, problems)
    message = rules.with_audience(columns, None, problems)
    if given["message"] is None:
        problems.add("follow_up.message", "is required")
    problems.raise_if_any()
    channel = domain.channel_of(columns["type"])
    if message is None or channel is None:
        raise AssertionError("what is wrong with them was noted")
    ids = rules.contacts_in(columns)[:_SHOWN]
    await known(contacts, ids, problems)
    people = await desk.people.get(ids, channel, message)
    shown = [people[it] for it in ids if it in people]
    limits = domain.limits(channel)
    hidden = context.require_principal().hidden
    values = [variables.shown(it.values, hidden) for it in shown]
    rendered = await desk.renderer.render(message.templates, limits, values)
    return pb2.PreviewFollowUpResponse(
        rendered=[_rendered(*each) for each in zip(shown, rendered, strict=True)]
    )


async def known(
    contacts: gate.Gate, ids: Collection[UUID], problems: Problems, *, of: str = "follow_up"
) -> None:
    """Raises all problems, those with contacts that the caller may not see included."""
    listed: Sequence[UUID] = list(ids)
    hidden = await contacts.hidden(listed) if listed else set[UUID]()
    for place, contact_id in enumerate(listed):
        if contact_id in hidden:
            problems.add(f"{of}.contact_ids[{place}]", "no such contact")
    problems.raise_if_any()


def _rendered(person: Person, parts: Rendered) -> delivery_pb2.RenderedFollowUp:
    shown = delivery_pb2.RenderedFollowUp(
        contact_id=str(person.id), address=person.address, reason=person.reason
    )
    if isinstance(parts, Refusal):
        shown.reason = shown.reason or "RENDER_FAILED"
        return shown
    shown.subject, shown.html = parts.get("subject", ""), parts.get("html", "")
    shown.text = parts.get("text", "")
    return shown
