"""The part of the forms of follow-ups and series that sends: message, recipients, a preview."""

from typing import Any

from crm.interactions.v1 import delivery_pb2, follow_up_pb2, follow_up_service_pb2, series_pb2
from crm.interactions.v1.follow_up_service_pb2_grpc import FollowUpServiceStub
from crm.leads.v1 import segment_service_pb2
from crm.leads.v1.segment_service_pb2_grpc import SegmentServiceStub
from flask import Blueprint, Response, make_response

from services.gateway.web import desk, follow_up_progress, lookups, names, templates, words
from services.gateway.web.forms import Form

SENDING = ("sms", "email")
"""Types that may send themselves."""
VARIABLES = (
    "salutation given_name family_name display_name company job_title email phone province ward "
    "birthday reference_code"
).split()
PARTS = ("advertiser_id sender_identity_id purpose subject html text skip_if_later").split()
KNOWN = [*(f"message.{name}" for name in PARTS), "message", "segment_id"]
LATES = ("3600", "14400", "86400")
"""Seconds that one may choose to be late by at most."""
SHOWN = 5


def add(pages: Blueprint) -> None:
    """Add the route."""
    pages.post("/follow-ups/preview", endpoint="preview_follow_up")(preview)


def sends_itself(form: Form) -> bool:
    """Whether the form asks for a message that goes by itself."""
    return form.get("type") in SENDING and form.get("sends") == "itself"


def to_segment(form: Form) -> bool:
    """Whether its message goes to a segment and not to contacts."""
    return sends_itself(form) and form.get("to") == "segment"


def read(form: Form, wanted: follow_up_pb2.FollowUp | series_pb2.Series) -> None:
    """Add the recipients and, if there is one, the message; notes what cannot be read."""
    if not to_segment(form):
        wanted.contact_ids.extend(form.all("contact_ids"))
    elif form.get("segment_id"):
        wanted.segment_id = form.get("segment_id")
    else:
        form.refuse("segment_id", desk.t("sending.choose_segment"))
    if sends_itself(form):
        wanted.message.CopyFrom(_message(form))


def _message(form: Form) -> follow_up_pb2.FollowUpMessage:
    purpose = names.value(follow_up_pb2.MessagePurpose, form.get("message.purpose"))
    email = form.get("type") == "email"
    message = follow_up_pb2.FollowUpMessage(
        purpose=follow_up_pb2.MessagePurpose.ValueType(purpose),
        advertiser_id=form.get("message.advertiser_id"),
        sender_identity_id=form.get("message.sender_identity_id"),
        subject=form.get("message.subject") if email else "",
        html=_lines(form, "message.html") if email else "",
        text=_lines(form, "message.text"),
    )
    late = form.get("message.skip_if_later")
    if late and not (late.isascii() and late.isdigit() and len(late) < 10):
        form.refuse("message.skip_if_later", desk.t("form.whole_number"))
    elif late:
        message.skip_if_later.FromSeconds(int(late))
    return message


def _lines(form: Form, name: str) -> str:
    """Return a text as it was typed; browsers end lines with two characters, an SMS pays each."""
    return form.values.get(name, "").replace("\r\n", "\n")


def values(stored: follow_up_pb2.FollowUp | series_pb2.Series) -> dict[str, str | list[str]]:
    """Return what the inputs hold for a stored follow-up or series."""
    message = stored.message
    late = message.skip_if_later.ToSeconds() if message.HasField("skip_if_later") else ""
    return {
        "sends": "itself" if stored.HasField("message") else "hand",
        "to": "segment" if stored.segment_id else "contacts",
        "segment_id": stored.segment_id,
        "contact_ids": [] if stored.segment_id else list(stored.contact_ids),
        "message.advertiser_id": message.advertiser_id,
        "message.sender_identity_id": message.sender_identity_id,
        "message.purpose": names.short(follow_up_pb2.MessagePurpose, message.purpose),
        "message.subject": message.subject,
        "message.html": message.html,
        "message.text": message.text,
        "message.skip_if_later": str(late),
    }


def offers(form: Form) -> dict[str, Any]:
    """Return what this part of the form offers to choose from."""
    chosen = form.all("contact_ids")
    found = lookups.contacts(chosen)
    late = form.get("message.skip_if_later")
    other = [late] if late and late not in LATES else []
    return {
        "chosen": [(it, found.get(it)) for it in chosen],
        "advertisers": lookups.advertisers(),
        "identities": lookups.sender_identities(),
        "segments": lookups.segments(),
        "purposes": names.choices(follow_up_pb2.MessagePurpose),
        "lates": [(it, _late_text(it)) for it in (*LATES, *other)],
        "variables": VARIABLES,
    }


def _late_text(typed: str) -> str:
    readable = typed.isascii() and typed.isdigit() and len(typed) < 10
    return follow_up_progress.late_text(int(typed)) if readable else typed


def _field_word(name: str) -> str:
    """Return what an input is called, for a list of what is wrong that is not beside it."""
    key = f"sending.field_{name.rpartition('.')[2]}"
    return words.known(desk.language(), key, name)


def preview() -> Response:
    """Show what the first recipients would get; the answer is shown in a frame of the form's page.

    A frame, as for templates: mails have styles of their own, which the page itself admits not.
    """
    form = Form.sent()
    type_ = names.value(follow_up_pb2.FollowUpType, form.get("type"))
    wanted = follow_up_pb2.FollowUp(type=follow_up_pb2.FollowUpType.ValueType(type_))
    read(form, wanted)
    shown: list[tuple[str, delivery_pb2.RenderedFollowUp | None]] = []
    if wanted.segment_id and not form.bad:
        wanted.contact_ids.extend(_first_of(wanted.segment_id, form))
        wanted.segment_id = ""
        if not wanted.contact_ids and not form.bad:
            form.refuse("segment_id", desk.t("sending.nobody_in_segment"))
    if not form.bad:
        shown = _rendered(form, wanted)
    people = lookups.contacts([contact_id for contact_id, _ in shown])
    body = desk.page(
        "follow_up_preview.html",
        form=form,
        shown=shown,
        people=people,
        field_word=_field_word,
        reason_text=follow_up_progress.reason_text,
    )
    return templates.showing_mail(make_response(body, form.status))


def _first_of(segment_id: str, form: Form) -> list[str]:
    """Return some who are in a segment now."""
    stub = desk.ask(SegmentServiceStub)

    def ask() -> segment_service_pb2.PreviewSegmentResponse:
        segment = stub.GetSegment(segment_service_pb2.GetSegmentRequest(id=segment_id))
        return stub.PreviewSegment(
            segment_service_pb2.PreviewSegmentRequest(
                definition=segment.definition, sample_size=SHOWN
            )
        )

    found = form.attempt(ask, known=["segment_id"])
    return [it.id for it in found.sample] if found else []


def _rendered(
    form: Form, wanted: follow_up_pb2.FollowUp
) -> list[tuple[str, delivery_pb2.RenderedFollowUp | None]]:
    """Return what each of the first contacts would get; None for one that is there no more."""
    asked = follow_up_service_pb2.PreviewFollowUpRequest(follow_up=wanted)
    found = form.attempt(
        lambda: desk.ask(FollowUpServiceStub).PreviewFollowUp(asked),
        prefix="follow_up.",
        known=["contact_ids", *KNOWN],
    )
    if found is None:
        return []
    by_contact = {it.contact_id: it for it in found.rendered}
    first = list(dict.fromkeys(wanted.contact_ids))[:SHOWN]
    return [(it, by_contact.get(it)) for it in first]
