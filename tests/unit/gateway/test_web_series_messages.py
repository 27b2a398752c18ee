"""A message in the form and on the page of a series, by the part that follow-ups have."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway.web import words
from tests.unit.gateway import message_parts, series_parts
from tests.unit.gateway.message_parts import FIRST, SECOND, SEGMENT, SMS, checked, chosen
from tests.unit.gateway.web_parts import ID, sent, shown

MESSAGE = {
    name: value
    for name, value in message_parts.TYPED.items()
    if name.startswith("message.") or name in ("type", "sends", "to")
}
TYPED: dict[str, Any] = {**series_parts.FIELDS, **MESSAGE, "contact_ids": [FIRST, SECOND]}


@pytest.fixture
def desk(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, a series, and somebody to write to in somebody's name."""
    series_parts.answer_of_one(peers)
    return message_parts.with_senders(signed_in, peers)


def stored(**more: Any) -> Any:
    mail = message_parts.stored()
    return series_parts.series(type=mail.type, message=mail.message, **more)


class TestForm:
    def test_a_message_to_several_or_to_a_segment_recurs(self, desk: Any, peers: Any) -> None:
        answer = sent(desk, "/series/new", **TYPED)
        sent(desk, "/series/new", **{**TYPED, "to": "segment", "segment_id": SEGMENT})

        first, second = (it.request.series for it in peers.named("CreateSeries"))
        assert answer.headers["Location"] == f"/series/{ID}"
        assert (first.type, list(first.contact_ids)) == (SMS, [FIRST, SECOND])
        assert first.message.text == "Chào {{ given_name }}\nHẹn gặp"
        assert (second.segment_id, list(second.contact_ids)) == (SEGMENT, [])

    def test_what_was_typed_into_a_follow_up_is_carried_over(self, desk: Any) -> None:
        typed = {**message_parts.TYPED, "contact_ids": [FIRST, SECOND]}

        page = sent(desk, "/series/from-follow-up", **typed).get_data(as_text=True)

        assert checked(page, "contact_ids") == [FIRST, SECOND]
        assert (checked(page, "sends"), checked(page, "to")) == (["itself"], ["contacts"])
        assert "Hẹn gặp" in page
        assert chosen(page, "message.sender_identity_id") == "s1"
        assert 'formaction="/follow-ups/preview"' in page

    def test_only_a_message_that_was_changed_is_sent(self, desk: Any, peers: Any) -> None:
        peers.answers["GetSeries"] = stored(contact_ids=[FIRST])
        page = shown(desk, f"/series/{ID}/edit")
        same = {**TYPED, "type": "email", "contact_ids": FIRST,
                "message.html": "<p>{{ given_name }}</p>", "message.subject": "Chào",
                "message.text": "Chào {{ given_name }}",
                "message.purpose": "care", "message.sender_identity_id": "s2",
                "message.skip_if_later": "7200"}  # fmt: skip

        sent(desk, f"/series/{ID}/edit", **same)
        sent(desk, f"/series/{ID}/edit", **{**same, "message.text": "Khác"})
        sent(desk, f"/series/{ID}/edit", **{**same, "sends": "hand"})

        assert chosen(page, "message.skip_if_later") == "7200"
        masks = [set(it.request.update_mask.paths) for it in peers.named("UpdateSeries")]
        assert ["message" in it for it in masks] == [False, True, True]
        assert not any({"contact_ids", "segment_id"} & it for it in masks)
        assert not peers.named("UpdateSeries")[2].request.series.HasField("message")

    def test_what_is_refused_of_it_is_told_at_its_input(self, desk: Any, peers: Any) -> None:
        peers.answers["CreateSeries"] = series_parts.refusing("message.text", "is required")

        page = sent(desk, "/series/new?lang=vi", **TYPED).get_data(as_text=True)

        assert "Bắt buộc nhập" in page
        assert checked(page, "contact_ids") == [FIRST, SECOND]


class TestPage:
    @pytest.mark.parametrize("language", ["vi", "en"])
    def test_it_says_what_is_sent_and_to_whom(self, desk: Any, peers: Any, language: str) -> None:
        peers.answers["GetSeries"] = stored(contact_ids=[], segment_id=SEGMENT)

        page = shown(desk, f"/series/{ID}?lang={language}")

        assert "Chào {{ given_name }}" in page
        assert words.text(language, "sending.to_segment") in page
        assert f'href="/segments/{SEGMENT}"' in page
