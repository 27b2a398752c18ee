"""The bell, the list of what one is told of, and mentioning colleagues in a note."""

from typing import Any

import pytest
from crm.accounts.v1 import user_pb2, user_service_pb2
from crm.interactions.v1 import (
    follow_up_pb2,
    follow_up_service_pb2,
    note_pb2,
    notification_pb2,
)
from crm.interactions.v1 import notification_service_pb2 as pb2
from crm.leads.v1 import contact_pb2, source_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.web_parts import AWAY, ID, PARTIAL, sent, shown

CONTACT = "0192f3a0-0000-7000-8000-00000000000c"
BINH = "0192f3a0-0000-7000-8000-0000000000b1"


def told(kind: str, **given: Any) -> notification_pb2.Notification:
    value = notification_pb2.NotificationKind.Value(f"NOTIFICATION_KIND_{kind}")
    return notification_pb2.Notification(id=ID, kind=value, actor_id=BINH, **given)


@pytest.fixture
def page(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody who knows a colleague, at the page of a contact."""
    users = [
        user_pb2.User(id="u1", display_name="Lan"),
        user_pb2.User(id=BINH, display_name="Bình"),
    ]
    peers.answers.update(
        ListUsers=user_service_pb2.ListUsersResponse(users=users),
        GetContact=contact_pb2.Contact(id=CONTACT, display_name="Đào"),
        ListTimeline=AWAY,
        BatchGetStandings=AWAY,
        ListFollowUps=follow_up_service_pb2.ListFollowUpsResponse(),
        ListLifeStages=source_service_pb2.ListLifeStagesResponse(),
        CreateNote=note_pb2.Note(id=ID),
        CountUnreadNotifications=pb2.CountUnreadNotificationsResponse(),
        ListNotifications=pb2.ListNotificationsResponse(),
        GetNotificationPreferences=notification_pb2.NotificationPreferences(daily_digest=True),
        UpdateNotificationPreferences=notification_pb2.NotificationPreferences(),
    )
    return signed_in


class TestBell:
    @pytest.mark.parametrize(
        ("counted", "number"),
        [
            (pb2.CountUnreadNotificationsResponse(count=3), ">3</span>"),
            (pb2.CountUnreadNotificationsResponse(count=100, more=True), ">99+</span>"),
            (pb2.CountUnreadNotificationsResponse(), None),
            (AWAY, None),
        ],
    )
    def test_it_shows_how_many_are_unread(
        self, page: FlaskClient, peers: Any, counted: Any, number: str | None
    ) -> None:
        peers.answers["CountUnreadNotifications"] = counted

        bell = shown(page, "/notifications/unread", headers=PARTIAL)

        assert (number or "<svg") in bell
        assert ("bell-count" in bell) is (number is not None)

    def test_every_page_has_it_and_asks_for_the_number_later(
        self, page: FlaskClient, peers: Any
    ) -> None:
        assert 'hx-get="/notifications/unread"' in shown(page, "/notifications")
        assert not peers.named("CountUnreadNotifications")

    def test_it_takes_nobody_away_when_the_session_ends(
        self, page: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ExchangeSession"] = errors.Unauthenticated("SESSION_ENDED", "ended")

        answer = page.get("/notifications/unread", headers=PARTIAL)

        assert (answer.status_code, "HX-Redirect" in answer.headers) == (204, False)


class TestList:
    def test_it_says_who_did_what_and_quotes_safely(self, page: FlaskClient, peers: Any) -> None:
        note = told("MENTIONED", contact_id=CONTACT, note_id=ID, text="<b>@Lan</b>")
        listed = pb2.ListNotificationsResponse(notifications=[note], next_page_token="t")
        peers.answers["ListNotifications"] = listed

        text = shown(page, "/notifications?unread=1")

        assert "You were mentioned in a note" in text
        assert "Bình" in text
        assert "&lt;b&gt;@Lan&lt;/b&gt;" in text
        assert "/notifications?unread=1&amp;page=t" in text
        assert peers.named("ListNotifications")[-1].request.unread_only

    @pytest.mark.parametrize(
        ("language", "kind", "says"),
        [
            ("en", "BATCH_ASSIGNED", ("Follow-ups were given to you", "Follow-ups: 1,200")),
            ("vi", "HANDED_OVER", ("bàn giao", "1.200 lịch theo dõi")),
            ("vi", "SERIES_ASSIGNED", ("lịch lặp lại", "Bình · Hỏi thăm")),
        ],
    )
    def test_it_says_how_many_were_given(
        self, page: FlaskClient, peers: Any, language: str, kind: str, says: tuple[str, str]
    ) -> None:
        count = 0 if kind == "SERIES_ASSIGNED" else 1_200
        given = told(kind, follow_up_count=count, title="Hỏi thăm")
        peers.answers["ListNotifications"] = pb2.ListNotificationsResponse(notifications=[given])

        text = shown(page, f"/notifications?lang={language}")

        assert all(it in text for it in says)

    @pytest.mark.parametrize(
        ("notification", "place"),
        [
            (told("MENTIONED", contact_id=CONTACT, note_id=ID), f"/contacts/{CONTACT}#story"),
            (told("ASSIGNED", contact_id=CONTACT, follow_up_id=ID), f"/follow-ups/{ID}"),
            (told("PROPOSAL_ANSWERED", proposal_id=ID), f"/proposals/{ID}"),
            (told("PROPOSAL_UNDELIVERED", proposal_id=ID), f"/proposals/{ID}"),
            (told("REMINDER", follow_up_id=ID), f"/follow-ups/{ID}"),
            (told("BATCH_ASSIGNED", batch_id=ID), f"/follow-ups?batch={ID}"),
            (told("SERIES_ASSIGNED", series_id=ID), f"/series/{ID}"),
            (told("HANDED_OVER", follow_up_count=3), "/follow-ups"),
            (told("REQUEST", request_id=ID), f"/requests/{ID}"),
        ],
    )
    def test_a_click_reads_one_and_opens_what_it_is_about(
        self, page: FlaskClient, peers: Any, notification: Any, place: str
    ) -> None:
        peers.answers["MarkNotificationRead"] = notification

        answer = sent(page, f"/notifications/{ID}/open")

        assert (answer.status_code, answer.headers["Location"]) == (303, place)
        assert peers.named("MarkNotificationRead")[-1].request.id == ID

    def test_all_that_were_shown_are_read(self, page: FlaskClient, peers: Any) -> None:
        peers.answers["MarkAllNotificationsRead"] = pb2.MarkAllNotificationsReadResponse()

        answer = sent(page, "/notifications/read", until_id=ID)

        assert answer.headers["Location"] == "/notifications"
        assert peers.named("MarkAllNotificationsRead")[-1].request.until_id == ID


class TestMentions:
    def test_a_note_names_whom_it_mentions(self, page: FlaskClient, peers: Any) -> None:
        form = shown(page, f"/contacts/{CONTACT}")
        sent(page, f"/contacts/{CONTACT}/notes", text="xem giúp", mentioned_user_ids=[BINH])

        note = peers.named("CreateNote")[-1].request.note
        assert f'<option value="{BINH}">Bình</option>' in form
        assert '<option value="u1">Lan</option>' not in form
        assert (note.text, list(note.mentioned_user_ids)) == ("xem giúp @Bình", [BINH])

    def test_one_who_is_refused_stays_chosen_and_is_told(
        self, page: FlaskClient, peers: Any
    ) -> None:
        why = FieldViolation("note.mentioned_user_ids[0]", "may not see this contact")
        refusal = errors.InvalidArgument("FIELDS_INVALID", "no", violations=[why])
        peers.answers["CreateNote"] = refusal

        answer = sent(page, f"/contacts/{CONTACT}/notes", text="@Bình", mentioned_user_ids=[BINH])

        text = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert f'<option value="{BINH}" selected>Bình</option>' in text
        assert "May not see this contact" in text


class TestReminders:
    FILLED = {  # noqa: RUF012
        "type": "call",
        "title": "Gọi",
        "contact_ids": CONTACT,
        "start_time": "2031-02-03T10:30",
    }

    def test_those_ticked_are_planned(self, page: FlaskClient, peers: Any) -> None:
        peers.answers["CreateFollowUp"] = follow_up_pb2.FollowUp(id=ID)

        sent(page, "/follow-ups/new", reminders=["15", "1440"], **self.FILLED)

        wanted = peers.named("CreateFollowUp")[-1].request.follow_up
        assert [it.minutes_before for it in wanted.reminders] == [15, 1_440]

    @pytest.mark.parametrize(
        ("typed", "told"),
        [
            ({"reminders": ["sớm"]}, "Give a whole number"),
            ({"reminders": ["15"], "contact_ids": [CONTACT, BINH]}, "no reminders of calls for"),
        ],
    )
    def test_what_cannot_be_is_told_and_nothing_is_planned(
        self, page: FlaskClient, peers: Any, typed: Any, told: str
    ) -> None:
        answer = sent(page, "/follow-ups/new", **{**self.FILLED, **typed})

        assert answer.status_code == 400
        assert told in answer.get_data(as_text=True)
        assert not peers.named("CreateFollowUp") + peers.named("CreateFollowUpBatch")

    def test_the_stored_ones_are_ticked_and_can_be_taken_back(
        self, page: FlaskClient, peers: Any
    ) -> None:
        stored = follow_up_pb2.FollowUp(id=ID, title="Gọi", type="FOLLOW_UP_TYPE_CALL")
        stored.reminders.add(minutes_before=30)
        reminded = follow_up_service_pb2.ListContactRemindersResponse()
        peers.answers.update(
            GetFollowUp=stored, UpdateFollowUp=stored, ListContactReminders=reminded
        )

        form = shown(page, f"/follow-ups/{ID}/edit")
        sent(page, f"/follow-ups/{ID}/edit", **self.FILLED)

        asked = peers.named("UpdateFollowUp")[-1].request
        assert 'name="reminders" value="30" checked' in form
        assert 'name="reminders" value="15">' in form
        assert "30 min" in shown(page, f"/follow-ups/{ID}")
        assert "reminders" in asked.update_mask.paths
        assert not asked.follow_up.reminders


class TestDigest:
    @pytest.mark.parametrize(
        ("wants", "says", "value"),
        [(True, "No daily e-mail</button>", "no"), (False, "Send a daily e-mail</button>", "yes")],
    )
    def test_it_is_offered_to_choose_otherwise(
        self, page: FlaskClient, peers: Any, wants: bool, says: str, value: str
    ) -> None:
        chosen = notification_pb2.NotificationPreferences(daily_digest=wants)
        peers.answers["GetNotificationPreferences"] = chosen

        text = shown(page, "/notifications?lang=en")

        assert says in text
        assert f'name="daily_digest" value="{value}"' in text

    @pytest.mark.parametrize(("value", "wanted"), [("yes", True), ("no", False)])
    def test_the_choice_is_stored(
        self, page: FlaskClient, peers: Any, value: str, wanted: bool
    ) -> None:
        answer = sent(page, "/notifications/digest", daily_digest=value)

        request = peers.named("UpdateNotificationPreferences")[0].request
        given = request.notification_preferences
        assert (given.HasField("daily_digest"), given.daily_digest) == (True, wanted)
        assert answer.headers["Location"] == "/notifications"
