"""Calls and meetings for many: begun from the form of a follow-up, how far, and taken back."""

from crm.interactions.v1 import follow_up_batch_pb2, follow_up_pb2
from crm.interactions.v1 import follow_up_batch_service_pb2 as pb2
from crm.interactions.v1.follow_up_batch_service_pb2_grpc import FollowUpBatchServiceStub
from flask import Blueprint, flash, url_for

from services.gateway.web import desk, follow_up_messages
from services.gateway.web.forms import Form

MOVING = (
    follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_RUNNING,
    follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_REVERTING,
)
TAKEN_BACK = (
    follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_REVERTING,
    follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_REVERTED,
)
OWNER = "owner"
"""Chosen as assignee: the owner of each contact."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/follow-up-batches/<uuid:batch_id>"
    pages.get("/follow-up-batches", endpoint="follow_up_batches")(listing)
    pages.get(one, endpoint="follow_up_batch")(detail)
    pages.get(f"{one}/progress", endpoint="follow_up_batch_progress")(progress)
    pages.post(f"{one}/cancel", endpoint="cancel_follow_up_batch")(cancel)
    pages.post(f"{one}/revert", endpoint="revert_follow_up_batch")(revert)


def is_for_many(form: Form) -> bool:
    """Whether the form asks for something that people do with each of many."""
    if follow_up_messages.sends_itself(form):
        return False
    many = to_segment(form) or len(form.all("contact_ids")) > 1
    return many or form.get("assignee_ids") == OWNER


def to_segment(form: Form) -> bool:
    """Whether it is for a segment, in a form that offers one."""
    return form.get("to") == "segment"


def create(
    form: Form, wanted: follow_up_pb2.FollowUp, known: list[str]
) -> follow_up_batch_pb2.FollowUpBatch | None:
    """Begin a batch of what the form asks for; None, and why in the form, if it is refused."""
    if wanted.reminders:
        form.refuse("reminders", desk.t("follow_ups.no_reminders_for_many"))
        return None
    batch = follow_up_batch_pb2.FollowUpBatch(
        title=wanted.title,
        type=wanted.type,
        description=wanted.description,
        category=wanted.category,
        time_zone=wanted.time_zone,
        assign_to_owner=form.get("assignee_ids") == OWNER,
        assignee_ids=[it for it in wanted.assignee_ids if it != OWNER],
    )
    for name in ("start_time", "end_time"):
        if wanted.HasField(name):
            getattr(batch, name).CopyFrom(getattr(wanted, name))
    if not to_segment(form):
        batch.contact_ids.extend(form.all("contact_ids"))
    elif form.get("segment_id"):
        batch.segment_id = form.get("segment_id")
    else:
        form.refuse("segment_id", desk.t("sending.choose_segment"))
        return None
    asked = pb2.CreateFollowUpBatchRequest(follow_up_batch=batch, request_id=form.request_id)
    return form.attempt(
        lambda: desk.ask(FollowUpBatchServiceStub).CreateFollowUpBatch(asked),
        prefix="follow_up_batch.",
        known=known,
    )


def listing() -> desk.View:
    """List batches, newest first."""
    asked = pb2.ListFollowUpBatchesRequest(page_size=desk.PAGE_SIZE, page_token=desk.page_token())
    found = desk.ask(FollowUpBatchServiceStub).ListFollowUpBatches(asked)
    return desk.page(
        "follow_up_batches_rows.html" if desk.partial() else "follow_up_batches.html", found=found
    )


def detail(batch_id: object) -> desk.View:
    """Show one with how far it is, and what taking it back would do."""
    batch = _get(batch_id)
    count = None
    if batch.made_count and batch.state not in TAKEN_BACK:
        asked = pb2.CountFollowUpBatchRevertRequest(id=batch.id)
        count = desk.ask(FollowUpBatchServiceStub).CountFollowUpBatchRevert(asked)
    return _page("follow_up_batch.html", batch, count=count)


def progress(batch_id: object) -> desk.View:
    """Show how far one is, as a part of its page."""
    return _page("follow_up_batch_progress.html", _get(batch_id))


def cancel(batch_id: object) -> desk.View:
    """Make no more."""
    asked = pb2.CancelFollowUpBatchRequest(id=str(batch_id))
    desk.ask(FollowUpBatchServiceStub).CancelFollowUpBatch(asked)
    flash(desk.t("batches.was_cancelled"))
    return desk.to(url_for("web.follow_up_batch", batch_id=batch_id))


def revert(batch_id: object) -> desk.View:
    """Take back what was made."""
    asked = pb2.RevertFollowUpBatchRequest(id=str(batch_id))
    desk.ask(FollowUpBatchServiceStub).RevertFollowUpBatch(asked)
    flash(desk.t("batches.was_reverted"))
    return desk.to(url_for("web.follow_up_batch", batch_id=batch_id))


def _get(batch_id: object) -> follow_up_batch_pb2.FollowUpBatch:
    asked = pb2.GetFollowUpBatchRequest(id=str(batch_id))
    return desk.ask(FollowUpBatchServiceStub).GetFollowUpBatch(asked)


def _page(template: str, batch: follow_up_batch_pb2.FollowUpBatch, **more: object) -> desk.View:
    return desk.page(
        template,
        batch=batch,
        running=batch.state == follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_RUNNING,
        moving=batch.state in MOVING,
        taken_back=batch.state in TAKEN_BACK,
        **more,
    )
