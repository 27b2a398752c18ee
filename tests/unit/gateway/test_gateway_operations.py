"""REST requests become calls, and their answers plain JSON."""

from datetime import UTC, datetime
from typing import Any

from crm.accounts.v1 import audit_pb2, audit_service_pb2
from crm.interactions.v1 import note_pb2, series_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2, segment_pb2
from google.protobuf import empty_pb2
from google.protobuf.timestamp_pb2 import Timestamp


class TestReading:
    def test_a_contact_comes_with_short_names_and_null_for_what_is_absent(
        self, program: Any, peers: Any
    ) -> None:
        made = Timestamp()
        made.FromDatetime(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        peers.answers["GetContact"] = contact_pb2.Contact(
            id="c1",
            etag="7",
            revision=2**53 - 1,
            kind=contact_pb2.CONTACT_KIND_LEAD,
            display_name="Nguyễn Thị Đào",
            phones=[contact_pb2.Phone(number="+84912345678")],
            create_time=made,
        )

        answer = program("GET", "/contacts/c1")

        assert answer.status_code == 200
        assert answer.headers["ETag"] == '"7"'
        assert peers.last.request.id == "c1"
        contact = answer.get_json()
        assert contact["kind"] == "LEAD"
        assert contact["gender"] is None
        assert contact["birthday"] is None
        assert contact["tags"] == []
        assert contact["revision"] == 2**53 - 1
        assert contact["create_time"] == "2026-01-02T03:04:05Z"
        assert contact["phones"][0]["number"] == "+84912345678"
        assert "Nguyễn Thị Đào" in answer.get_data(as_text=True)

    def test_a_contact_that_the_reader_has_already_is_not_sent_again(
        self, program: Any, peers: Any
    ) -> None:
        peers.answers["GetContact"] = contact_pb2.Contact(id="c1", etag="7")

        answer = program("GET", "/contacts/c1", headers={"If-None-Match": '"7"'})

        assert answer.status_code == 304
        assert answer.data == b""

    def test_a_list_takes_every_filter_from_the_query(self, program: Any, peers: Any) -> None:
        peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse(
            contacts=[contact_pb2.Contact(id="c1")], next_page_token="more"
        )

        answer = program(
            "GET",
            "/contacts?page_size=2&query=dao&kind=CUSTOMER&statuses=NEW&statuses=LOST"
            "&created_from=2026-01-02T00:00:00%2B07:00&order=NAME",
        )

        request = peers.last.request
        assert answer.get_json()["next_page_token"] == "more"
        assert (request.page_size, request.query) == (2, "dao")
        assert request.kind == contact_pb2.CONTACT_KIND_CUSTOMER
        assert list(request.statuses) == [
            contact_pb2.LEAD_STATUS_NEW,
            contact_pb2.LEAD_STATUS_LOST,
        ]
        assert request.created_from.ToJsonString() == "2026-01-01T17:00:00Z"
        assert request.order == contact_service_pb2.CONTACT_ORDER_NAME

    def test_free_values_of_the_audit_log_are_json_objects(self, program: Any, peers: Any) -> None:
        entry = audit_pb2.AuditEntry(sequence=1)
        entry.after.update({"company": "Mekong", "tags": ["a"]})
        peers.answers["ListAuditEntries"] = audit_service_pb2.ListAuditEntriesResponse(
            entries=[entry]
        )

        answer = program("GET", "/audit-entries?subject_type=contact")

        shown = answer.get_json()["entries"][0]
        assert shown["after"] == {"company": "Mekong", "tags": ["a"]}
        assert shown["before"] is None


class TestCreating:
    def test_the_body_is_the_resource_and_the_answer_names_its_address(
        self, program: Any, peers: Any
    ) -> None:
        peers.answers["CreateContact"] = contact_pb2.Contact(id="c9", etag="1")

        answer = program(
            "POST",
            "/contacts",
            json={"given_name": "Đào", "birthday": {"month": 2, "day": 29}, "company": None},
            headers={"Idempotency-Key": "key-1"},
        )

        sent = peers.last.request
        assert answer.status_code == 201
        assert answer.headers["Location"] == "/api/v1/contacts/c9"
        assert sent.request_id == "key-1"
        assert sent.contact.given_name == "Đào"
        assert (sent.contact.birthday.month, sent.contact.birthday.day) == (2, 29)

    def test_without_a_key_each_request_has_its_own_so_that_retries_are_safe(
        self, program: Any, peers: Any
    ) -> None:
        peers.answers["CreateContact"] = contact_pb2.Contact(id="c9")

        program("POST", "/contacts", json={})
        program("POST", "/contacts", json={})

        first, second = (call.request.request_id for call in peers.named("CreateContact"))
        assert first
        assert second
        assert first != second

    def test_a_part_of_the_address_fills_the_resource(self, program: Any, peers: Any) -> None:
        peers.answers["CreateNote"] = note_pb2.Note(id="n1")

        answer = program("POST", "/contacts/c1/notes", json={"text": "gọi lại"})

        assert answer.status_code == 201
        assert answer.headers["Location"] == "/api/v1/notes/n1"
        assert peers.last.request.note.contact_id == "c1"
        assert peers.last.request.note.text == "gọi lại"

    def test_conditions_within_conditions_arrive_whole(self, program: Any, peers: Any) -> None:
        peers.answers["CreateSegment"] = segment_pb2.Segment(id="s1")
        inner = {"match": "ANY", "conditions": [{"tag": {"tags": ["vip"]}}]}
        body = {"name": "VIP", "definition": {"conditions": [{"group": inner}]}}

        answer = program("POST", "/segments", json=body)

        group = peers.last.request.segment.definition.conditions[0].group
        assert answer.status_code == 201
        assert group.match == segment_pb2.MATCH_ANY
        assert list(group.conditions[0].tag.tags) == ["vip"]

    def test_an_empty_message_that_was_given_arrives_as_given(
        self, program: Any, peers: Any
    ) -> None:
        peers.answers["CreateSegment"] = segment_pb2.Segment(id="s1")

        program("POST", "/segments", json={"name": "all", "definition": {"conditions": []}})

        assert peers.last.request.segment.HasField("definition")


class TestChanging:
    def test_a_patch_changes_what_it_names_and_null_clears(self, program: Any, peers: Any) -> None:
        peers.answers["UpdateContact"] = contact_pb2.Contact(id="c1")

        program("PATCH", "/contacts/c1", json={"company": "Mới", "gender": None, "tags": []})

        sent = peers.last.request
        assert list(sent.update_mask.paths) == ["company", "gender", "tags"]
        assert (sent.contact.id, sent.contact.company) == ("c1", "Mới")
        assert sent.contact.gender == contact_pb2.GENDER_UNSPECIFIED

    def test_if_match_becomes_the_etag(self, program: Any, peers: Any) -> None:
        peers.answers["UpdateContact"] = contact_pb2.Contact(id="c1")
        peers.answers["DeleteContact"] = empty_pb2.Empty()

        program("PATCH", "/contacts/c1", json={"company": "x"}, headers={"If-Match": '"7"'})
        patched = peers.last.request
        answer = program("DELETE", "/contacts/c1", headers={"If-Match": 'W/"8"'})
        deleted = peers.last.request

        assert patched.contact.etag == "7"
        assert list(patched.update_mask.paths) == ["company"]
        assert (deleted.id, deleted.etag) == ("c1", "8")
        assert (answer.status_code, answer.data) == (204, b"")

    def test_a_change_within_another_call_needs_only_what_differs(
        self, program: Any, peers: Any
    ) -> None:
        peers.answers["SplitSeries"] = series_pb2.Series(id="s2")
        body = {"recurrence_time": "2030-01-14T02:00:00Z", "series": {"title": "Từ nay"}}

        answer = program("POST", "/series/s1:split", json=body)

        assert answer.status_code == 200
        assert peers.last.request.series == series_pb2.Series(title="Từ nay")

    def test_a_verb_needs_no_body_when_it_needs_no_fields(self, program: Any, peers: Any) -> None:
        peers.answers["ConvertContact"] = contact_pb2.Contact(
            id="c1", kind=contact_pb2.CONTACT_KIND_CUSTOMER
        )

        answer = program("POST", "/contacts/c1:convert")

        assert answer.get_json()["kind"] == "CUSTOMER"
        assert peers.last.request.id == "c1"
