"""Calls for many in the browser: begun in the form of a follow-up, and how far they are."""

from typing import Any

import pytest
from crm.interactions.v1 import follow_up_batch_pb2, follow_up_pb2, follow_up_service_pb2
from crm.interactions.v1 import follow_up_batch_service_pb2 as pb2
from flask.testing import FlaskClient

from tests.unit.gateway.message_parts import FIRST, SECOND, SEGMENT, refused, with_senders
from tests.unit.gateway.web_parts import ID, sent, shown

CALL = follow_up_pb2.FOLLOW_UP_TYPE_CALL
RUNNING = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_RUNNING
COMPLETED = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_COMPLETED
CANCELLED = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_CANCELLED
REVERTING = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_REVERTING
REVERTED = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_REVERTED
TYPED: dict[str, Any] = {
    "title": "Gọi <b>",
    "type": "call",
    "start_time": "2026-12-01T09:00",
    "sends": "hand",
    "to": "contacts",
    "contact_ids": [FIRST, SECOND],
    "assignee_ids": "owner",
}


def batch(**more: Any) -> follow_up_batch_pb2.FollowUpBatch:
    """One that made three of five."""
    given = {"state": follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_RUNNING, **more}
    return follow_up_batch_pb2.FollowUpBatch(
        id=ID, title="Gọi <b>", type=CALL, contact_count=5, made_count=3, left_out_count=1, **given
    )


@pytest.fixture
def http_(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, two contacts and a batch."""
    listed = pb2.ListFollowUpBatchesResponse(follow_up_batches=[batch()])
    peers.answers.update(
        CreateFollowUpBatch=batch(),
        GetFollowUpBatch=batch(),
        CancelFollowUpBatch=batch(),
        RevertFollowUpBatch=batch(),
        CountFollowUpBatchRevert=pb2.CountFollowUpBatchRevertResponse(
            cancelled_count=1_200, kept_count=34
        ),
        ListFollowUpBatches=listed,
        ListFollowUps=follow_up_service_pb2.ListFollowUpsResponse(),
    )
    return with_senders(signed_in, peers)


class TestForm:
    def test_several_contacts_get_one_each_by_their_owners(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        answer = sent(http_, "/follow-ups/new", **TYPED)

        wanted = peers.named("CreateFollowUpBatch")[0].request.follow_up_batch
        assert answer.headers["Location"] == f"/follow-up-batches/{ID}"
        assert (wanted.title, wanted.type) == ("Gọi <b>", CALL)
        assert list(wanted.contact_ids) == [FIRST, SECOND]
        assert (wanted.assign_to_owner, list(wanted.assignee_ids)) == (True, [])
        assert wanted.start_time.seconds == 1_796_090_400

    def test_a_segment_by_one_person(self, http_: FlaskClient, peers: Any) -> None:
        typed = {**TYPED, "to": "segment", "segment_id": SEGMENT, "assignee_ids": "u1"}

        sent(http_, "/follow-ups/new", **typed)

        wanted = peers.named("CreateFollowUpBatch")[0].request.follow_up_batch
        assert (wanted.segment_id, list(wanted.contact_ids)) == (SEGMENT, [])
        assert (wanted.assign_to_owner, list(wanted.assignee_ids)) == (False, ["u1"])

    @pytest.mark.parametrize(
        ("typed", "field"),
        [({"to": "segment"}, "segment_id"), ({}, "contact_ids")],
    )
    def test_what_is_refused_is_told_at_its_input(
        self, http_: FlaskClient, peers: Any, typed: Any, field: str
    ) -> None:
        peers.answers["CreateFollowUpBatch"] = refused(
            "follow_up_batch.contact_ids[1]", "no such contact"
        )

        answer = sent(http_, "/follow-ups/new", **{**TYPED, **typed})

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert f'id="{field}-wrong"' in page
        assert "Gọi &lt;b&gt;" in page


class TestPage:
    def test_it_shows_how_far_it_is_and_where_its_rows_are(self, http_: FlaskClient) -> None:
        page = shown(http_, f"/follow-up-batches/{ID}")

        assert f'hx-get="/follow-up-batches/{ID}/progress"' in page
        assert '<progress class="bar" max="5" value="4"' in page
        assert "1 were deleted meanwhile" in page
        assert f"batch={ID}" in page
        assert "Gọi &lt;b&gt;" in page

    def test_one_that_is_done_asks_no_more(self, http_: FlaskClient, peers: Any) -> None:
        done = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_COMPLETED
        peers.answers["GetFollowUpBatch"] = batch(state=done)

        part = shown(http_, f"/follow-up-batches/{ID}/progress?lang=vi")

        assert "Đã tạo hết" in part
        assert "hx-get" not in part

    def test_it_is_stopped_and_listed(self, http_: FlaskClient, peers: Any) -> None:
        answer = sent(http_, f"/follow-up-batches/{ID}/cancel")

        assert peers.named("CancelFollowUpBatch")[0].request.id == ID
        assert answer.headers["Location"] == f"/follow-up-batches/{ID}"
        assert "3 / 5" in shown(http_, "/follow-up-batches")

    def test_its_follow_ups_are_listed(self, http_: FlaskClient, peers: Any) -> None:
        page = shown(http_, f"/follow-ups?batch={ID}&whose=all&status=all")

        assert peers.named("ListFollowUps")[0].request.batch_id == ID
        assert f'name="batch" value="{ID}"' in page


class TestTakingBack:
    @pytest.mark.parametrize(
        ("state", "kept", "says"),
        [
            (
                COMPLETED,
                34,
                "Those that were done or changed by hand stay: 34.",
            ),
            (CANCELLED, 0, "will be cancelled: 1,200.</p>"),
            (RUNNING, 0, "No more are made, and those made so far will be cancelled: 1,200."),
        ],
    )
    def test_the_question_says_how_many(
        self, http_: FlaskClient, peers: Any, state: Any, kept: int, says: str
    ) -> None:
        count = pb2.CountFollowUpBatchRevertResponse(cancelled_count=1_200, kept_count=kept)
        peers.answers.update(GetFollowUpBatch=batch(state=state), CountFollowUpBatchRevert=count)

        page = shown(http_, f"/follow-up-batches/{ID}?lang=en")

        assert says in page
        assert f'action="/follow-up-batches/{ID}/revert"' in page

    def test_it_is_taken_back(self, http_: FlaskClient, peers: Any) -> None:
        answer = sent(http_, f"/follow-up-batches/{ID}/revert")

        assert peers.named("RevertFollowUpBatch")[0].request.id == ID
        assert answer.headers["Location"] == f"/follow-up-batches/{ID}"

    @pytest.mark.parametrize(("state", "asks"), [(REVERTING, True), (REVERTED, False)])
    def test_how_far_that_is_is_shown_and_not_offered_again(
        self, http_: FlaskClient, peers: Any, state: Any, asks: bool
    ) -> None:
        peers.answers["GetFollowUpBatch"] = batch(
            state=state, cancelled_count=1, kept_count=1, gone_count=1
        )

        page = shown(http_, f"/follow-up-batches/{ID}?lang=vi")

        assert "Đã hủy 1" in page
        assert "1 lịch đã bị xóa từ trước" in page
        assert ("hx-get" in page.split('id="figures"')[1]) is asks
        assert f"{ID}/revert" not in page
        assert peers.named("CountFollowUpBatchRevert") == []
