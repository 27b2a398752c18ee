"""Reminders to the customer: chosen in the forms, seen on the page and in the story."""

from typing import Any

import pytest
from crm.interactions.v1 import (
    delivery_pb2,
    follow_up_pb2,
    follow_up_service_pb2,
    note_pb2,
    note_service_pb2,
    series_pb2,
)
from crm.leads.v1 import contact_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.message_parts import FIRST, with_senders
from tests.unit.gateway.series_parts import FIELDS
from tests.unit.gateway.series_parts import series as made_series
from tests.unit.gateway.web_parts import ID, sent, shown

F, D = follow_up_pb2, delivery_pb2
CHANNEL_SMS, CHANNEL_EMAIL = F.CONTACT_REMINDER_CHANNEL_SMS, F.CONTACT_REMINDER_CHANNEL_EMAIL
START = 1_900_000_000
FILLED: dict[str, Any] = {
    "type": "call",
    "title": "Gọi",
    "contact_ids": FIRST,
    "start_time": "2031-02-03T10:30",
    "remind_contact": "1440",
    "remind_contact_by": "sms/a1/s1",
    "remind_contact_purpose": "transactional",
}


def to_contact(**changes: Any) -> F.ContactReminder:
    given = {
        "channel": CHANNEL_SMS,
        "advertiser_id": "a1",
        "sender_identity_id": "s1",
        "purpose": F.MESSAGE_PURPOSE_TRANSACTIONAL,
        **changes,
    }
    return F.ContactReminder(**given)


def follow_up(*reminders: F.FollowUpReminder, **changes: Any) -> F.FollowUp:
    given = {
        "id": ID,
        "title": "Gọi",
        "type": F.FOLLOW_UP_TYPE_CALL,
        "status": F.FOLLOW_UP_STATUS_SCHEDULED,
        "contact_ids": [FIRST],
        "reminders": reminders,
        **changes,
    }
    made = F.FollowUp(**given)
    made.start_time.FromSeconds(START)
    return made


@pytest.fixture
def page(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    made = with_senders(signed_in, peers)
    one = F.FollowUpReminder(minutes_before=1_440, to_contact=to_contact())
    peers.answers["GetFollowUp"] = follow_up(one)
    return made


class TestForm:
    def test_the_customer_is_reminded_at_other_times_than_colleagues(
        self, page: FlaskClient, peers: Any
    ) -> None:
        form = shown(page, "/follow-ups/new")
        sent(page, "/follow-ups/new", **FILLED, reminders=["15"])

        (colleagues, customer) = peers.named("CreateFollowUp")[-1].request.follow_up.reminders
        assert '<option value="sms/a1/s1">SMS · MEKONG</option>' in form
        assert '<option value="email/a1/s2">' in form
        assert (colleagues.minutes_before, len(colleagues.channels)) == (15, 1)
        assert not colleagues.HasField("to_contact")
        assert (customer.minutes_before, len(customer.channels)) == (1_440, 0)
        assert customer.to_contact == to_contact()

    def test_at_the_same_time_it_is_one_reminder_of_both(
        self, page: FlaskClient, peers: Any
    ) -> None:
        sent(page, "/follow-ups/new", **FILLED, reminders=["1440"])

        (one,) = peers.named("CreateFollowUp")[-1].request.follow_up.reminders
        assert list(one.channels) == [F.REMINDER_CHANNEL_IN_APP]
        assert one.to_contact == to_contact()

    @pytest.mark.parametrize(
        ("typed", "told"),
        [
            ({"remind_contact_by": ""}, "Choose who reminds the customer"),
            ({"remind_contact_by": "fax/a1/s1"}, "Choose who reminds the customer"),
            ({"remind_contact": ["sớm"]}, "Give a whole number"),
        ],
    )
    def test_what_cannot_be_is_told_and_nothing_is_planned(
        self, page: FlaskClient, peers: Any, typed: Any, told: str
    ) -> None:
        answer = sent(page, "/follow-ups/new", **{**FILLED, **typed})

        assert answer.status_code == 400
        assert told in answer.get_data(as_text=True)
        assert not peers.named("CreateFollowUp")

    def test_what_the_service_refuses_is_told_at_the_sender(
        self, page: FlaskClient, peers: Any
    ) -> None:
        why = FieldViolation(
            "follow_up.reminders[0].to_contact.sender_identity_id", "no such sender identity"
        )
        peers.answers["CreateFollowUp"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[why]
        )

        text = sent(page, "/follow-ups/new", **FILLED).get_data(as_text=True)

        select = text[text.index('name="remind_contact_by"') :]
        assert "No such sender identity" in select[: select.index("remind_contact_purpose")]
        assert '<option value="sms/a1/s1" selected>' in text

    def test_an_sms_reminds_nobody_whatever_was_ticked(self, page: FlaskClient, peers: Any) -> None:
        sent(page, "/follow-ups/new", **{**FILLED, "type": "sms"})

        assert not peers.named("CreateFollowUp")[-1].request.follow_up.reminders

    def test_the_stored_one_is_shown_also_of_a_sender_that_is_gone(
        self, page: FlaskClient, peers: Any
    ) -> None:
        gone = to_contact(sender_identity_id="s9")
        peers.answers["GetFollowUp"] = follow_up(
            F.FollowUpReminder(minutes_before=90, to_contact=gone)
        )

        form = shown(page, f"/follow-ups/{ID}/edit")

        assert 'name="remind_contact" value="90" checked' in form
        assert '<option value="sms/a1/s9" selected>s9</option>' in form
        assert '<option value="transactional" selected>' in form
        assert 'name="reminders" value="90"' not in form

    def test_a_series_carries_them(self, page: FlaskClient, peers: Any) -> None:
        carried = sent(page, "/series/from-follow-up", **FILLED).get_data(as_text=True)
        peers.answers["CreateSeries"] = made_series()
        chosen = {name: value for name, value in FILLED.items() if name.startswith("remind_")}
        sent(page, "/series/new", **{**FIELDS, **chosen})

        wanted: series_pb2.Series = peers.named("CreateSeries")[-1].request.series
        assert 'name="remind_contact" value="1440" checked' in carried
        assert '<option value="sms/a1/s1" selected>' in carried
        assert wanted.reminders[0].to_contact == to_contact()


class TestPage:
    def test_it_says_what_is_to_come_and_what_became_of_others(
        self, page: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetFollowUp"] = follow_up(
            F.FollowUpReminder(minutes_before=15, channels=[F.REMINDER_CHANNEL_IN_APP]),
            F.FollowUpReminder(minutes_before=60, to_contact=to_contact()),
            F.FollowUpReminder(minutes_before=1_440, to_contact=to_contact()),
        )
        peers.answers["ListContactReminders"] = told(
            ("SENT", START, 1_440, ""), ("SKIPPED", START - 86_400, 60, "NO_ADDRESS")
        )

        text = shown(page, f"/follow-ups/{ID}")

        at = text.index("Reminders to the customer</dt>")
        lines = text[at : text.index("</dd>", at)].split("<br>")
        assert text[:at].count("15 min") == 1
        assert ["1 h · SMS" in it for it in lines] == [True, False, True]
        assert "1 day(s) · SMS" in lines[1]
        assert "Accepted" in lines[1]
        assert "No address of this channel" in lines[2]
        assert "of " in lines[2]
        assert peers.named("ListContactReminders")[-1].request.follow_up_id == ID

    def test_of_one_that_is_closed_nothing_is_to_come(self, page: FlaskClient, peers: Any) -> None:
        one = F.FollowUpReminder(minutes_before=60, to_contact=to_contact())
        peers.answers["GetFollowUp"] = follow_up(one, status=F.FOLLOW_UP_STATUS_COMPLETED)
        peers.answers["ListContactReminders"] = told()

        assert "Reminders to the customer" not in shown(page, f"/follow-ups/{ID}")

    def test_while_interactions_cannot_tell_the_page_is_there(
        self, page: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListContactReminders"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        assert "1 day(s) · SMS" in shown(page, f"/follow-ups/{ID}")

    def test_the_story_tells_of_it(self, page: FlaskClient, peers: Any) -> None:
        details = {"type": "call", "channel": "sms", "state": "failed", "reason": "MAILBOX_FULL"}
        entry = note_pb2.TimelineEntry(
            id=ID, kind="reminder", resource_id=ID, actor="interactions", details=details
        )
        peers.answers.update(
            GetContact=contact_pb2.Contact(id=FIRST, display_name="Đào"),
            ListTimeline=note_service_pb2.ListTimelineResponse(entries=[entry]),
        )

        text = shown(page, f"/contacts/{FIRST}/timeline")

        assert "Reminder to the customer" in text
        assert "Call · SMS · Failed · The mailbox is full" in text
        assert f'href="/follow-ups/{ID}"' in text


def told(*given: tuple[str, int, int, str]) -> follow_up_service_pb2.ListContactRemindersResponse:
    """Reminders by state, start, minutes and reason."""
    made = follow_up_service_pb2.ListContactRemindersResponse()
    for state, start, minutes, reason in given:
        one = made.reminders.add(
            state=D.DeliveryState.Value(f"DELIVERY_STATE_{state}"),
            minutes_before=minutes,
            channel=CHANNEL_SMS,
            reason=reason,
        )
        one.start_time.FromSeconds(start)
    return made
