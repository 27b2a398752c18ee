"""What REST refuses, and how it says so."""

from typing import Any

from chassis import errors
from chassis.errors import FieldViolation


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
