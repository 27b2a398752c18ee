"""Segments: the list, and a form of simple conditions with count and sample at once."""

from crm.leads.v1 import contact_pb2, segment_pb2, segment_service_pb2
from crm.leads.v1.segment_service_pb2_grpc import SegmentServiceStub
from flask import Blueprint, flash, url_for

from services.gateway.web import desk, lookups, names
from services.gateway.web.forms import Form

KNOWN = ["name", "description"]
QUESTIONS = segment_pb2.TransactionQuestion


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/segments", endpoint="segments")(listing)
    pages.get("/segments/new", endpoint="new_segment")(new)
    pages.post("/segments/new", endpoint="create_segment")(create)
    pages.post("/segments/preview", endpoint="preview_segment")(preview)
    pages.get("/segments/<uuid:segment_id>", endpoint="segment")(detail)


def listing() -> desk.View:
    """List the segments by name."""
    asked = segment_service_pb2.ListSegmentsRequest(
        page_size=desk.PAGE_SIZE, page_token=desk.page_token()
    )
    return desk.page("segments.html", found=desk.ask(SegmentServiceStub).ListSegments(asked))


def new() -> desk.View:
    """Show the empty form."""
    return _form(Form())


def create() -> desk.View:
    """Store a segment, or show what is refused."""
    form = Form.sent()
    segment = segment_pb2.Segment(
        name=form.get("name"), description=form.get("description"), definition=_definition(form)
    )
    created = None
    if not form.bad:
        asked = segment_service_pb2.CreateSegmentRequest(
            segment=segment, request_id=form.request_id
        )
        created = form.attempt(
            lambda: desk.ask(SegmentServiceStub).CreateSegment(asked),
            prefix="segment.",
            known=KNOWN,
        )
    if created is None:
        return _form(form)
    flash(desk.t("segments.created"))
    return desk.to(url_for("web.segment", segment_id=created.id))


def preview() -> desk.View:
    """Say how many and who, of what is in the form now."""
    form = Form.sent()
    definition = _definition(form)
    found = None
    if not form.bad:
        asked = segment_service_pb2.PreviewSegmentRequest(definition=definition)
        found = form.attempt(lambda: desk.ask(SegmentServiceStub).PreviewSegment(asked))
    return desk.page("segment_preview.html", found=found, form=form), form.status


def detail(segment_id: object) -> desk.View:
    """Show a segment with its count of now."""
    stub = desk.ask(SegmentServiceStub)
    segment = stub.GetSegment(segment_service_pb2.GetSegmentRequest(id=str(segment_id)))
    asked = segment_service_pb2.PreviewSegmentRequest(definition=segment.definition)
    found = desk.maybe(lambda: stub.PreviewSegment(asked), source="leads")
    return desk.page("segment.html", segment=segment, found=found)


def _definition(form: Form) -> segment_pb2.Group:
    """Return the conditions chosen; an input left empty asks for nothing."""
    group = segment_pb2.Group(match=segment_pb2.MATCH_ALL)
    for name, present in (("has_phone", "phone"), ("has_email", "email")):
        if form.get(name):
            group.conditions.add().field.CopyFrom(
                segment_pb2.FieldCondition(field=present, comparison=segment_pb2.COMPARISON_PRESENT)
            )
    for name in ("kind", "status"):
        if form.get(name):
            _equals(group, name, form.all(name))
    if provinces := [it.strip() for it in form.get("provinces").split(",") if it.strip()]:
        _equals(group, "province", provinces)
    if tags := [it.strip() for it in form.get("tags").split(",") if it.strip()]:
        group.conditions.add().tag.tags.extend(tags)
    if sources := form.all("source_ids"):
        group.conditions.add().source.source_ids.extend(sources)
    if stages := form.all("life_stage_ids"):
        group.conditions.add().life_stage.life_stage_ids.extend(stages)
    _consent(form, group)
    _dates(form, group)
    return group


def _equals(group: segment_pb2.Group, field: str, values: list[str]) -> None:
    group.conditions.add().field.CopyFrom(
        segment_pb2.FieldCondition(
            field=field, comparison=segment_pb2.COMPARISON_EQUALS, values=values
        )
    )


def _consent(form: Form, group: segment_pb2.Group) -> None:
    if not form.get("consent_advertiser_id"):
        return
    purpose = names.value(contact_pb2.Purpose, form.get("consent_purpose"))
    channel = names.value(contact_pb2.Channel, form.get("consent_channel"))
    group.conditions.add().consent.CopyFrom(
        segment_pb2.ConsentCondition(
            advertiser_id=form.get("consent_advertiser_id"),
            purpose=contact_pb2.Purpose.ValueType(purpose),
            channel=contact_pb2.Channel.ValueType(channel),
        )
    )


def _dates(form: Form, group: segment_pb2.Group) -> None:
    created = _days(form, "created_days")
    if created:
        group.conditions.add().date.CopyFrom(
            segment_pb2.DateCondition(field="create_time", within_days=created)
        )
    question = names.value(QUESTIONS, form.get("question"))
    if question:
        days = _days(form, "question_days")
        group.conditions.add().transaction.CopyFrom(
            segment_pb2.TransactionCondition(question=QUESTIONS.ValueType(question), days=days)
        )


def _days(form: Form, name: str) -> int:
    text = form.get(name)
    if text and not (text.isascii() and text.isdigit() and len(text) < 6):
        form.refuse(name, desk.t("form.whole_number"))
        return 0
    return int(text or 0)


def _form(form: Form) -> desk.View:
    body = desk.page(
        "segment_form.html",
        form=form,
        sources=lookups.sources(),
        stages=lookups.stages(),
        advertisers=lookups.advertisers(),
        questions=names.choices(QUESTIONS),
    )
    return body, form.status
