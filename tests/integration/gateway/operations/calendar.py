"""Operations on follow-ups, series and the calendar answer 2xx to who may."""

import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.gateway.operations.calls import Api, until


@pytest.mark.timeout(300)
class TestCalendar:
    def test_follow_ups_notes_and_the_timeline(self, api: Api, contact: Any) -> None:
        one = contact["id"]
        plan = {
            "title": "Gọi lại",
            "type": "CALL",
            "contact_ids": [one],
            "start_time": "2030-01-02T03:04:05Z",
        }
        first, second, third = (api("CreateFollowUp", body=plan) for _ in range(3))

        api("GetFollowUp", id=first["id"])
        listed = api("ListFollowUps", query=f"contact_id={one}&types=CALL")
        api("UpdateFollowUp", body={"title": "Gọi sớm"}, id=first["id"])
        done = api("CompleteFollowUp", body={"outcome": "hẹn mua"}, id=first["id"])
        cancelled = api("CancelFollowUp", body={"reason": "bận"}, id=second["id"])
        api("DeleteFollowUp", id=third["id"])
        note = api("CreateNote", body={"text": "thích màu xanh"}, contact_id=one)
        api("GetNote", id=note["id"])
        api("UpdateNote", body={"text": "thích màu đỏ"}, id=note["id"])
        api("ListNotes", contact_id=one)
        story = api("ListTimeline", contact_id=one)
        api("DeleteNote", id=note["id"])

        assert len(listed["follow_ups"]) == 3
        assert done["status"] == "COMPLETED"
        assert cancelled["status"] == "CANCELLED"
        assert story["entries"]

    def test_the_calendar_and_its_feeds(
        self, api: Api, person: Api, house: Any, contact: Any
    ) -> None:
        plan = {
            "title": "Họp",
            "type": "MEETING",
            "contact_ids": [contact["id"]],
            "start_time": "2031-01-02T03:04:05Z",
        }
        range_ = "range_start=2031-01-01T00:00:00Z&range_end=2031-02-01T00:00:00Z"

        meeting = person("CreateFollowUp", body=plan)
        move = {"follow_ups": [{"id": meeting["id"], "etag": "1"}], "day": "2031-01-20"}
        moved = api("RescheduleFollowUps", body=move)
        by = {"follow_ups": [{"id": meeting["id"]}], "offset": {"seconds": 3600}}
        api("RescheduleFollowUps", body=by)
        shown = api("ListCalendar", query=f"{range_}&types=MEETING")
        busy = person("CheckOverlaps", query="start_time=2031-01-20T04:10:00Z")
        file = api("GetInvitation", query="organizer_email=lan@mekong.example", id=meeting["id"])
        made = person("CreateFeed", body={"name": "Điện thoại"})
        listed = person("ListFeeds")
        read = urllib.request.urlopen(house.state["gateway_url"] + made["path"]).read()  # noqa: S310
        person("RevokeFeed", id=made["feed"]["id"])

        assert moved["entries"][0]["start_time"] == "2031-01-20T03:04:05Z"
        assert [it["start_time"] for it in shown["entries"]] == ["2031-01-20T04:04:05Z"]
        assert [it["id"] for it in busy["entries"]] == [meeting["id"]]
        assert file.startswith("BEGIN:VCALENDAR\r\n")
        assert [it["id"] for it in listed["feeds"]] == [made["feed"]["id"]]
        assert read.startswith(b"BEGIN:VCALENDAR\r\n")

    def test_logged_calls_next_steps_and_queues(self, api: Api, contact: Any) -> None:
        one = contact["id"]
        step = {"title": "Gặp lại", "type": "MEETING", "start_time": "2030-01-02T03:04:05Z"}
        call = {"contact_id": one, "kind": "CALL", "duration": {"seconds": 95}, "text": "hỏi giá"}
        logged = api("CreateInteraction", body={"interaction": call, "next": step})
        got = api("GetInteraction", id=logged["id"])
        (stands,) = api("BatchGetStandings", body={"contact_ids": [one]})["standings"]
        late = {**step, "contact_ids": [one], "start_time": "2026-01-02T03:04:05Z"}
        planned = api("CreateFollowUp", body=late)
        overdue = api("ListQueue", query="queue=OVERDUE&time_zone=Asia/Ho_Chi_Minh")
        day = api("GetDay", query="page_size=1000")
        lead = api("CreateContact", body={"display_name": "Bước"})["id"]
        api("CreateFollowUp", body={**step, "contact_ids": [lead]})
        sorted_ = api("ListStandings", query="order=NEXT_EARLIEST&page_size=1000")
        api("DeleteInteraction", id=logged["id"])

        assert planned["id"] in {it["follow_up"]["id"] for it in day["overdue"]["items"]}
        assert lead in {it["contact_id"] for it in sorted_["standings"]}
        assert got == logged
        assert stands["next_follow_up_id"] == logged["next_follow_up_id"]
        assert stands["last_interaction_kind"] == "call"
        assert planned["id"] in {it["follow_up"]["id"] for it in overdue["items"]}

    def test_follow_ups_that_send_themselves(self, api: Api, advertiser: Any, sender: Any) -> None:
        address = "theo-doi@example.vn"
        person = api("CreateContact", body={"emails": [{"address": address}]})
        plan = {
            "title": "Chăm sóc",
            "type": "EMAIL",
            "contact_ids": [person["id"]],
            "start_time": "2026-01-02T03:04:05Z",
            "message": {
                "purpose": "TRANSACTIONAL",
                "advertiser_id": advertiser["id"],
                "sender_identity_id": sender["id"],
                "subject": "Chào {{ display_name }}",
                "text": "Cảm ơn",
            },
        }

        shown = api("PreviewFollowUp", body={"follow_up": plan})
        planned = api("CreateFollowUp", body=plan)

        def sent() -> Any:
            found = api("ListFollowUpDeliveries", follow_up_id=planned["id"])["deliveries"]
            return found and found[0]["state"] == "SENT"

        assert shown["rendered"][0]["address"] == address
        until(sent, "it is sent by itself")
        until(lambda: api("GetFollowUp", id=planned["id"])["status"] == "COMPLETED", "it is done")

    def test_a_contact_is_reminded_of_a_call(self, api: Api, advertiser: Any, sender: Any) -> None:
        person = api("CreateContact", body={"emails": [{"address": "nhac-hen@example.vn"}]})
        start = datetime.now(UTC) + timedelta(seconds=62)
        to_contact = {
            "channel": "EMAIL",
            "purpose": "TRANSACTIONAL",
            "advertiser_id": advertiser["id"],
            "sender_identity_id": sender["id"],
        }
        plan = {
            "title": "Gọi",
            "type": "CALL",
            "contact_ids": [person["id"]],
            "start_time": start.isoformat(),
            "reminders": [{"minutes_before": 1, "to_contact": to_contact}],
        }

        planned = api("CreateFollowUp", body=plan)

        def sent() -> Any:
            found = api("ListContactReminders", follow_up_id=planned["id"])["reminders"]
            return found and found[0]["state"] == "SENT"

        assert planned["reminders"][0]["to_contact"] == to_contact
        until(sent, "the contact is reminded")

    def test_working_hours(self, api: Api) -> None:
        monday = {"weekday": 1, "start": "08:00", "end": "17:30"}
        holiday = {"date": "2026-09-02", "name": "Quốc khánh"}

        api("UpdateWorkingHours", body={"intervals": [monday], "holidays": [holiday]})
        kept = api("GetWorkingHours")
        api("UpdateWorkingHours", body={"intervals": [], "holidays": []})

        assert (kept["intervals"], kept["holidays"]) == ([monday], [holiday])

    def test_what_a_person_leaves_behind(self, api: Api) -> None:
        leaver, taker = str(uuid.uuid4()), str(uuid.uuid4())

        count = api("CountReassignment", query=f"user_id={leaver}")
        given = api("ReassignFollowUps", body={"user_id": leaver, "to_user_id": taker})

        assert (count["follow_up_count"], given["remaining_count"]) == (0, 0)

    def test_follow_ups_for_many(self, api: Api, contact: Any) -> None:
        plan = {
            "title": "Gọi chăm sóc",
            "type": "CALL",
            "contact_ids": [contact["id"]],
            "assign_to_owner": True,
            "start_time": "2032-01-02T03:04:05Z",
        }

        made = api("CreateFollowUpBatch", body=plan)
        api("GetFollowUpBatch", id=made["id"])
        listed = api("ListFollowUpBatches")
        api("CancelFollowUpBatch", id=made["id"])
        api("CountFollowUpBatchRevert", id=made["id"])
        reverted = api("RevertFollowUpBatch", id=made["id"])

        assert made["contact_count"] == 1
        assert reverted["state"] in {"REVERTING", "REVERTED"}
        assert [it["id"] for it in listed["follow_up_batches"]] == [made["id"]]

    def test_series(self, api: Api, contact: Any) -> None:
        calendar = {"rrule": "FREQ=WEEKLY;BYDAY=MO,TH", "start": "2030-01-07T09:00"}
        plan = {
            "title": "Hỏi thăm",
            "type": "CALL",
            "contact_ids": [contact["id"]],
            "duration": {"seconds": 900},
            "calendar": calendar,
        }

        preview = api("PreviewSeries", body={"calendar": calendar, "count": 3})
        made = api("CreateSeries", body=plan)
        api("GetSeries", id=made["id"])
        listed = api("ListSeries", query=f"contact_id={contact['id']}")
        changed = api("UpdateSeries", body={"title": "Chào hỏi"}, id=made["id"])
        monday, thursday, next_monday = (it["time"] for it in preview["occurrences"])
        skipped = api("SkipOccurrence", body={"recurrence_time": thursday}, id=made["id"])
        rest = {"recurrence_time": next_monday, "series": {"title": "Từ nay"}}
        following = api("SplitSeries", body=rest, id=made["id"])
        paused = api("PauseSeries", id=following["id"])
        resumed = api("ResumeSeries", id=following["id"])
        deleted = api("DeleteSeries", id=made["id"])

        assert monday == "2030-01-07T02:00:00Z"
        assert [it["id"] for it in listed["series"]] == [made["id"]]
        assert changed["title"] == "Chào hỏi"
        assert skipped["calendar"]["exceptions"] == ["2030-01-10T09:00:00"]
        assert following["previous_series_id"] == made["id"]
        assert (paused["state"], resumed["state"]) == ("PAUSED", "ACTIVE")
        assert deleted["handed_over_count"] == 0
