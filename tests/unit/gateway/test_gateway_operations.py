"""REST requests become calls, and their answers plain JSON."""

from datetime import UTC, datetime
from typing import Any

from crm.accounts.v1 import audit_pb2, audit_service_pb2
from crm.interactions.v1 import note_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2, segment_pb2
from google.protobuf import empty_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from chassis.errors import FieldViolation


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

    def test_a_verb_needs_no_body_when_it_needs_no_fields(self, program: Any, peers: Any) -> None:
        peers.answers["ConvertContact"] = contact_pb2.Contact(
            id="c1", kind=contact_pb2.CONTACT_KIND_CUSTOMER
        )

        answer = program("POST", "/contacts/c1:convert")

        assert answer.get_json()["kind"] == "CUSTOMER"
        assert peers.last.request.id == "c1"


class TestRefusing:
    def test_every_bad_field_is_named_at_once(self, program: Any, peers: Any) -> None:
        body = {
            "id": "mine",
            "colour": "red",
            "kind": "BOSS",
            "given_name": 7,
            "phones": [{"label": "x"}, {"number": "1"}, {"number": "2", "primary": "yes"}],
        }

        answer = program(
            "POST", "/contacts?fast=1", json=body, headers={"Idempotency-Key": "\u00a0"}
        )

        problem = answer.get_json()
        named = {it["field"]: it["reason"] for it in problem["errors"]}
        assert answer.status_code == 400
        assert answer.mimetype == "application/problem+json"
        assert problem["reason"] == "FIELDS_INVALID"
        assert named["id"] == "cannot be set"
        assert named["colour"] == "is not a known field"
        assert named["fast"] == "is not a known field"
        assert named["kind"] == "must be 'LEAD' or 'CUSTOMER'"
        assert named["phones[0].number"] == "is required"
        assert {"given_name", "phones[2].primary"} <= named.keys()
        assert peers.calls == []

    def test_what_is_no_json_is_refused_without_repeating_it(self, program: Any) -> None:
        answer = program(
            "POST", "/contacts", data=b'{"given_name": "secret', content_type="application/json"
        )

        assert answer.status_code == 400
        assert answer.get_json()["errors"][0]["field"] == "body"
        assert "secret" not in answer.get_data(as_text=True)

    def test_a_body_that_is_not_an_object_is_refused(self, program: Any) -> None:
        answer = program("POST", "/contacts", json=[1, 2])

        assert answer.status_code == 400
        assert answer.get_json()["errors"][0]["field"] == "body"

    def test_another_kind_of_content_is_refused(self, program: Any) -> None:
        answer = program("POST", "/contacts", data="a=b", content_type="text/plain")

        assert answer.get_json()["errors"] == [
            {"field": "Content-Type", "reason": "must be application/json"}
        ]

    def test_a_filter_given_twice_is_refused_where_one_is_meant(self, program: Any) -> None:
        answer = program("GET", "/contacts?kind=LEAD&kind=CUSTOMER")

        assert answer.get_json()["errors"] == [
            {"field": "kind", "reason": "is given more than once"}
        ]

    def test_two_of_which_only_one_may_be_are_refused(self, program: Any) -> None:
        condition = {"tag": {"tags": ["a"]}, "source": {"source_ids": ["b"]}}
        body = {"name": "x", "definition": {"conditions": [condition]}}

        answer = program("POST", "/segments", json=body)

        assert answer.get_json()["errors"] == [
            {"field": "definition.conditions[0]", "reason": "give exactly one, not tag, source"}
        ]

    def test_a_body_above_the_limit_is_refused_with_413(self, program: Any) -> None:
        answer = program("POST", "/contacts", json={"description": "x" * 1_100_000})

        assert answer.status_code == 413
        assert answer.get_json()["reason"] == "TOO_LARGE"

    def test_a_message_needs_a_key(self, program: Any, peers: Any) -> None:
        answer = program("POST", "/campaigns/k1:start", json={})

        assert answer.get_json()["errors"] == [
            {"field": "Idempotency-Key", "reason": "is required for this call"}
        ]
        assert peers.calls == []

    def test_an_etag_without_quotes_is_refused(self, program: Any) -> None:
        answer = program("DELETE", "/contacts/c1", headers={"If-Match": "7"})

        assert answer.status_code == 400
        assert answer.get_json()["errors"][0]["field"] == "If-Match"

    def test_a_field_the_service_refuses_is_named_as_it_was_sent(
        self, program: Any, peers: Any
    ) -> None:
        peers.answers["CreateContact"] = errors.InvalidArgument(
            "FIELDS_INVALID",
            "some fields are not right",
            violations=[FieldViolation("contact.phones[0].number", "is no phone number")],
        )

        answer = program("POST", "/contacts", json={"phones": [{"number": "1"}]})

        assert answer.status_code == 400
        assert answer.get_json()["errors"] == [
            {"field": "phones[0].number", "reason": "is no phone number"}
        ]

    def test_a_method_that_is_not_offered_says_which_are(self, program: Any) -> None:
        answer = program("PUT", "/contacts/c1", json={})

        assert answer.status_code == 405
        assert "PATCH" in answer.headers["Allow"]
        assert answer.get_json()["reason"] == "METHOD_NOT_ALLOWED"
