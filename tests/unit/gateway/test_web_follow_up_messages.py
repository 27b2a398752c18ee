"""Follow-ups that send themselves in the browser: the form and its preview."""

from typing import Any

import pytest
from crm.interactions.v1 import (
    follow_up_pb2,
)
from flask.testing import FlaskClient

from chassis import errors
from services.gateway.web import follow_up_messages
from services.interactions.domain import rendering
from tests.unit.gateway.message_parts import (
    FIRST,
    SECOND,
    SEGMENT,
    SMS,
    TYPED,
    checked,
    chosen,
    refused,
    stored,
    with_senders,
)
from tests.unit.gateway.web_parts import AWAY, ID, sent, shown


@pytest.fixture
def http_(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, two contacts, a segment and a sender of each channel."""
    return with_senders(signed_in, peers)


class TestTheForm:
    def test_it_offers_senders_places_and_segments(self, http_: FlaskClient) -> None:
        page = shown(http_, f"/follow-ups/new?contact={FIRST}&contact={SECOND}")

        assert checked(page, "contact_ids") == [FIRST, SECOND]
        assert "Mai &lt;b&gt;" in page
        assert checked(page, "sends") == ["hand"]
        assert 'data-when="type=sms message.advertiser_id=a1">MEKONG' in page
        assert 'data-when="type=email message.advertiser_id=a1">Lan' in page
        assert "Sông Hồng" in page
        assert 'data-insert="{{ given_name }}">Given name' in page
        assert f'<option value="{SEGMENT}">Khách cũ' in page
        assert [it for it in ("1 h", "4 h", "1 day(s)") if f">{it}</option>" not in page] == []

    def test_places_are_those_that_the_service_fills(self) -> None:
        assert set(follow_up_messages.VARIABLES) == set(rendering.VARIABLES)

    def test_one_comes_with_a_segment(self, http_: FlaskClient) -> None:
        page = shown(http_, f"/follow-ups/new?segment={SEGMENT}")

        assert (checked(page, "sends"), checked(page, "to")) == (["itself"], ["segment"])
        assert chosen(page, "segment_id") == SEGMENT

    def test_a_message_to_several_is_planned(self, http_: FlaskClient, peers: Any) -> None:
        both: dict[str, Any] = {**TYPED, "contact_ids": [FIRST, SECOND], "segment_id": SEGMENT}
        answer = sent(http_, "/follow-ups/new", **both)

        wanted = peers.named("CreateFollowUp")[0].request.follow_up
        assert answer.headers["Location"] == f"/follow-ups/{ID}"
        assert (wanted.type, list(wanted.contact_ids)) == (SMS, [FIRST, SECOND])
        assert wanted.segment_id == ""
        message = wanted.message
        assert (message.advertiser_id, message.sender_identity_id) == ("a1", "s1")
        assert message.purpose == follow_up_pb2.MESSAGE_PURPOSE_TRANSACTIONAL
        assert message.text == "Chào {{ given_name }}\nHẹn gặp"
        assert message.skip_if_later.seconds == 14_400

    def test_a_message_to_a_segment_names_no_contacts(self, http_: FlaskClient, peers: Any) -> None:
        typed = {**TYPED, "to": "segment", "segment_id": SEGMENT, "contact_ids": FIRST}
        sent(http_, "/follow-ups/new", **{**typed, "message.skip_if_later": ""})

        wanted = peers.named("CreateFollowUp")[0].request.follow_up
        assert (wanted.segment_id, list(wanted.contact_ids)) == (SEGMENT, [])
        assert not wanted.message.HasField("skip_if_later")

    @pytest.mark.parametrize("typed", [{"type": "call"}, {"sends": "hand"}])
    def test_what_people_do_has_no_message(
        self, http_: FlaskClient, peers: Any, typed: dict[str, str]
    ) -> None:
        given = {**TYPED, "segment_id": SEGMENT, "contact_ids": FIRST, **typed}
        sent(http_, "/follow-ups/new", **given)

        wanted = peers.named("CreateFollowUp")[0].request.follow_up
        assert not wanted.HasField("message")
        assert (wanted.segment_id, list(wanted.contact_ids)) == ("", [FIRST])

    def test_an_sms_has_text_alone_whatever_the_mail_had(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        mail = {"message.subject": "Chào", "message.html": "<p>"}
        sent(http_, "/follow-ups/new", **TYPED, **mail)
        sent(http_, "/follow-ups/new", **{**TYPED, "type": "email"}, **mail)

        first, second = (it.request.follow_up.message for it in peers.named("CreateFollowUp"))
        assert (first.subject, first.html) == ("", "")
        assert (second.subject, second.html) == ("Chào", "<p>")


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "why", "place", "said"),
        [
            ("message.text", "is required", "message-text", "Bắt buộc nhập"),
            ("message.subject", "is required", "message-subject", "Bắt buộc nhập"),
            ("message.html", "longer than 9 characters", "message-html", "Dài quá 9 ký tự"),
            ("message.advertiser_id", "is required", "message-advertiser_id", "Bắt buộc nhập"),
            (
                "message.sender_identity_id",
                "belongs to another advertiser",
                "message-sender_identity_id",
                "Thuộc người quảng cáo khác",
            ),
            (
                "message.skip_if_later",
                "not between a moment and a year",
                "message-skip_if_later",
                "Phải trong vòng một năm",
            ),
            (
                "message.text",
                "line 2: unknown variable 'ten'",
                "message-text",
                "Dòng 2: Không có chỗ điền &#39;ten&#39;",
            ),
            ("message", "is needed where the type changes", "message", "Is needed where"),
            ("contact_ids[1]", "no such contact", "contact_ids", "Không có liên hệ này"),
            ("segment_id", "needs a message", "segment_id", "Cần có nội dung tin"),
        ],
    )
    def test_each_is_told_at_its_input_and_all_that_was_typed_stays(
        self, http_: FlaskClient, peers: Any, field: str, why: str, place: str, said: str
    ) -> None:
        peers.answers["CreateFollowUp"] = refused(f"follow_up.{field}", why)
        typed = {**TYPED, "type": "email", "message.subject": "Chào", "message.html": "<p>x"}

        answer = sent(
            http_,
            "/follow-ups/new?lang=vi",
            **typed,
            contact_ids=[FIRST, SECOND],
            segment_id=SEGMENT,
        )

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert f'id="{place}-wrong">{said}' in page
        assert checked(page, "contact_ids") == [FIRST, SECOND]
        assert (checked(page, "type"), checked(page, "sends")) == (["email"], ["itself"])
        assert chosen(page, "message.sender_identity_id") == "s1"
        assert chosen(page, "message.purpose") == "transactional"
        assert chosen(page, "message.skip_if_later") == "14400"
        assert chosen(page, "segment_id") == SEGMENT
        for part in ('value="Chào"', "Hẹn gặp</textarea>", "&lt;p&gt;x</textarea>"):
            assert part in page, part

    @pytest.mark.parametrize(
        ("typed", "place"),
        [
            ({"to": "segment"}, "segment_id"),
            ({"message.skip_if_later": "soon"}, "message-skip_if_later"),
            ({"message.skip_if_later": "-1"}, "message-skip_if_later"),
            ({"message.skip_if_later": "²"}, "message-skip_if_later"),
        ],
    )
    def test_what_cannot_be_read_is_not_sent_on(
        self, http_: FlaskClient, peers: Any, typed: dict[str, str], place: str
    ) -> None:
        answer = sent(http_, "/follow-ups/new", **{**TYPED, **typed})

        assert answer.status_code == 400
        assert f'id="{place}-wrong"' in answer.get_data(as_text=True)
        assert peers.named("CreateFollowUp") == []

    @pytest.mark.parametrize(
        ("failure", "status"),
        [(AWAY, 503), (errors.PermissionDenied("RIGHT_MISSING", "no"), 403)],
    )
    def test_a_refusal_as_a_whole_is_told(
        self, http_: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers["CreateFollowUp"] = failure

        assert sent(http_, "/follow-ups/new", **TYPED).status_code == status

    def test_without_senders_the_form_is_there_and_says_so(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListSenderIdentities"] = AWAY

        page = shown(http_, "/follow-ups/new")

        assert "There is nobody to send from yet" in page
        assert 'role="status"' in page


class TestChanging:
    def test_the_form_holds_all_of_it(self, http_: FlaskClient) -> None:
        page = shown(http_, f"/follow-ups/{ID}/edit")

        assert checked(page, "contact_ids") == [FIRST, SECOND]
        assert checked(page, "sends") == ["itself"]
        assert chosen(page, "message.skip_if_later") == "7200"
        assert ">2 h</option>" in page
        assert "&lt;p&gt;{{ given_name }}&lt;/p&gt;</textarea>" in page

    def test_of_a_segment_the_people_are_not_taken_for_chosen(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetFollowUp"] = stored(segment_id=SEGMENT)

        page = shown(http_, f"/follow-ups/{ID}/edit")

        assert checked(page, "to") == ["segment"]
        assert checked(page, "contact_ids") == []

    def test_message_and_recipients_are_in_what_changes(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        sent(http_, f"/follow-ups/{ID}/edit", **TYPED, contact_ids=FIRST, etag="3")

        asked = peers.named("UpdateFollowUp")[0].request
        assert {"message", "segment_id", "contact_ids"} <= set(asked.update_mask.paths)
        assert (asked.follow_up.etag, asked.follow_up.message.text[:4]) == ("3", "Chào")

    def test_one_on_its_way_is_told_to_be(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["UpdateFollowUp"] = errors.FailedPrecondition(
            "STATE_FORBIDS", "no", resource="follow_up", state="open", to="changed"
        )

        answer = sent(http_, f"/follow-ups/{ID}/edit", **TYPED)

        assert answer.status_code in (409, 412)
        assert "Its state does not allow this" in answer.get_data(as_text=True)
