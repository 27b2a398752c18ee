"""Templates, contents and rendered messages."""

from collections.abc import Mapping, Sequence

from crm.campaigns.v1 import template_pb2 as pb

from chassis.attachments import Attachment
from chassis.rpc import times
from services.campaigns.domain import sms
from services.campaigns.domain.kinds import Channel, Markup
from services.campaigns.domain.templates import Content, Draft, Template
from services.campaigns.messages import kinds


def channel(number: int) -> Channel | None:
    """Return the channel of a request, None when it is not said."""
    return kinds.kind(pb.Channel, Channel, number)


def draft(message: pb.Template, given: Channel) -> Draft:
    """Return what somebody wrote, for a channel that was told."""
    return Draft(
        name=message.name,
        channel=given,
        subject=message.subject,
        html=message.html,
        text=message.text,
        markup=kinds.kind(pb.Markup, Markup, message.markup) or Markup.HTML,
    )


def template(stored: Template) -> pb.Template:
    """Return a template as clients see it."""
    is_mail = stored.draft.channel is Channel.EMAIL
    return pb.Template(
        id=str(stored.id),
        revision=stored.revision,
        etag=str(stored.revision),
        name=stored.draft.name,
        channel=kinds.number(pb.Channel, stored.draft.channel),
        subject=stored.draft.subject,
        html=stored.draft.html,
        text=stored.draft.text,
        markup=kinds.number(pb.Markup, stored.draft.markup if is_mail else None),
        variables=stored.variables,
        content_hash=stored.content_hash,
        attachments=attachments(stored.draft.attachments),
        create_time=times.out(stored.create_time),
        update_time=times.out(stored.update_time),
    )


def content(stored: Content) -> pb.Content:
    """Return a content as notifiers fetch it."""
    return pb.Content(
        hash=stored.hash,
        channel=kinds.number(pb.Channel, stored.channel),
        subject=stored.subject,
        html=stored.html,
        text=stored.text,
        variables=stored.variables,
        attachments=attachments(stored.attachments),
    )


def attachments(stored: Sequence[Attachment]) -> list[pb.Attachment]:
    """Return the files of a template or content."""
    return [
        pb.Attachment(name=it.name, media_type=it.media_type, size=it.size, hash=it.hash)
        for it in stored
    ]


def rendered(
    given: Channel, fields: Mapping[str, str], *, address: str = "", failure: str = ""
) -> pb.RenderedMessage:
    """Return a message as one person would get it."""
    message = pb.RenderedMessage(address=address, failure=failure)
    for name, text in fields.items():
        setattr(message, name, text)
    if given is Channel.SMS and not failure:
        shape = sms.shape(message.text)
        message.encoding, message.segments = shape.encoding, shape.segments
    return message
