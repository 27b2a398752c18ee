"""Calls to peers carry a deadline, the trace and an identity, and fail as what they are."""

import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from crm.accounts.v1 import user_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.notifier.v1 import suppression_service_pb2

from chassis import errors

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class TestEveryCall:
    def test_it_has_a_deadline(self, program: Any, peers: Any) -> None:
        peers.answers["GetContact"] = contact_pb2.Contact(id="c1")

        program("GET", "/contacts/c1")

        assert 0 < peers.last.seconds_left < 11

    def test_it_carries_the_request_id_and_the_trace(self, program: Any, peers: Any) -> None:
        peers.answers["GetContact"] = contact_pb2.Contact(id="c1")

        answer = program(
            "GET", "/contacts/c1", headers={"X-Request-Id": "order-1", "traceparent": TRACE}
        )

        assert answer.headers["X-Request-Id"] == "order-1"
        assert peers.last.metadata["x-request-id"] == "order-1"
        assert peers.last.metadata["traceparent"] == TRACE

    def test_a_request_id_that_could_be_a_trick_is_replaced(self, program: Any, peers: Any) -> None:
        peers.answers["GetContact"] = contact_pb2.Contact(id="c1")

        answer = program("GET", "/contacts/c1", headers={"X-Request-Id": "a b <script>"})

        assert answer.headers["X-Request-Id"] != "a b <script>"
        assert peers.last.metadata["x-request-id"] == answer.headers["X-Request-Id"]

    def test_an_idempotent_one_is_tried_again_while_the_peer_is_away(
        self, program: Any, peers: Any
    ) -> None:
        replies = iter([errors.Unavailable("X", "starting"), contact_pb2.Contact(id="c1")])
        peers.answers["GetContact"] = lambda *_: next(replies)

        answer = program("GET", "/contacts/c1")

        assert answer.status_code == 200
        assert len(peers.named("GetContact")) == 2

    def test_one_that_would_act_twice_is_not(self, program: Any, peers: Any) -> None:
        peers.answers["CreateApiClient"] = errors.Unavailable("X", "starting")

        answer = program("POST", "/api-clients", json={"name": "pos", "rights": []})

        assert answer.status_code == 503
        assert len(peers.named("CreateApiClient")) == 1


class TestFailures:
    @pytest.mark.parametrize(
        ("failure", "status"),
        [
            (errors.InvalidArgument("FIELDS_INVALID", "x"), 400),
            (errors.Unauthenticated("TOKEN_EXPIRED", "x"), 401),
            (errors.PermissionDenied("RIGHT_MISSING", "x", resource="contacts"), 403),
            (errors.NotFound("RESOURCE_MISSING", "x"), 404),
            (errors.AlreadyExists("RESOURCE_EXISTS", "x"), 409),
            (errors.FailedPrecondition("STATE_FORBIDS", "x"), 409),
            (errors.Aborted("ETAG_STALE", "x"), 412),
            (errors.ResourceExhausted("RATE_LIMITED", "x", retry_after_seconds=7), 429),
            (errors.ResourceExhausted("TOO_LARGE", "x", limit=5), 413),
            (errors.DeadlineExceeded("DEADLINE_PASSED", "x"), 504),
        ],
    )
    def test_they_become_problems_with_their_reason(
        self, program: Any, peers: Any, failure: errors.Error, status: int
    ) -> None:
        peers.answers["CreateApiClient"] = failure

        answer = program("POST", "/api-clients", json={"name": "pos", "rights": []})

        problem = answer.get_json()
        assert answer.status_code == status
        assert answer.mimetype == "application/problem+json"
        assert problem["reason"] == failure.reason
        assert problem["metadata"] == failure.metadata
        assert problem["request_id"] == answer.headers["X-Request-Id"]
        assert problem["type"] == f"http://localhost/api/docs#{failure.reason}"
        assert (answer.headers.get("Retry-After") == "7") is (status == 429)

    def test_a_peers_bug_tells_nothing_of_itself(self, program: Any, peers: Any) -> None:
        answer = program("GET", "/contacts/c1")

        assert answer.status_code == 500
        assert answer.get_json()["reason"] == "INTERNAL"
        assert "secret detail" not in answer.get_data(as_text=True)

    def test_a_peer_that_is_away_is_named_with_when_to_come_back(
        self, make_gateway: Callable[..., Any]
    ) -> None:
        http = make_gateway(leads_address="127.0.0.1:1").test_client()

        answer = http.get("/api/v1/contacts/c1", headers={"Authorization": "Bearer t"})

        assert answer.status_code == 503
        assert answer.get_json()["reason"] == "PEER_UNAVAILABLE"
        assert answer.get_json()["metadata"]["peer"] == "leads"
        assert answer.headers["Retry-After"] == "1"

    def test_a_peer_that_hangs_ends_at_the_deadline(
        self, make_gateway: Callable[..., Any], peers: Any
    ) -> None:
        def hang(_: Any, context: grpc.ServicerContext) -> Any:
            while context.is_active():
                time.sleep(0.01)
            return contact_pb2.Contact()

        peers.answers["GetContact"] = hang
        http = make_gateway(call_seconds=0.2).test_client()

        answer = http.get("/api/v1/contacts/c1", headers={"Authorization": "Bearer t"})

        assert answer.status_code == 504
        assert answer.get_json()["reason"] == "DEADLINE_PASSED"

    def test_a_call_a_peer_does_not_have_yet_is_501(self, program: Any, peers: Any) -> None:
        def missing(_: Any, context: grpc.ServicerContext) -> Any:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no")

        peers.answers["GetContact"] = missing

        answer = program("GET", "/contacts/c1")

        assert answer.status_code == 501


class TestLargeAnswers:
    def test_one_above_the_limit_is_asked_to_be_smaller(
        self, make_gateway: Callable[..., Any], peers: Any
    ) -> None:
        contacts = [contact_pb2.Contact(description="x" * 4000) for _ in range(100)]
        peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse(contacts=contacts)
        http = make_gateway(grpc_max_message_bytes=100_000).test_client()

        answer = http.get("/api/v1/contacts", headers={"Authorization": "Bearer t"})

        assert answer.status_code == 413
        assert answer.get_json()["reason"] == "TOO_LARGE"


class TestOwnIdentity:
    def test_a_refused_token_is_replaced_at_once(self, http: Any, peers: Any) -> None:
        described = suppression_service_pb2.DescribeUnsubscribeResponse(masked_address="l***")
        replies = iter([errors.Unauthenticated("TOKEN_EXPIRED", "old"), described])
        peers.answers["DescribeUnsubscribe"] = lambda *_: next(replies)

        answer = http.get("/u/t")

        tokens = [it.metadata["authorization"] for it in peers.named("DescribeUnsubscribe")]
        assert answer.status_code == 200
        assert tokens[0] != tokens[1]

    def test_an_identity_refused_twice_is_no_fault_of_the_person(
        self, http: Any, peers: Any
    ) -> None:
        peers.answers["DescribeUnsubscribe"] = errors.Unauthenticated("TOKEN_INVALID", "who?")

        answer = http.get("/u/t")

        assert answer.status_code == 503
        assert len(peers.named("DescribeUnsubscribe")) == 2

    def test_an_issuer_that_is_away_is_a_part_that_is_away(
        self, make_gateway: Callable[..., Any], peers: Any
    ) -> None:
        http = make_gateway(issuer_url="http://127.0.0.1:1").test_client()

        answer = http.get("/u/t", headers={"Accept": "application/json"})

        assert answer.status_code == 503
        assert answer.get_json()["metadata"]["peer"] == "accounts"


class TestPlainMessages:
    def test_every_field_of_a_large_list_is_there(self, program: Any, peers: Any) -> None:
        contacts = [contact_pb2.Contact(id=str(n), tags=["a", "b"]) for n in range(1000)]
        peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse(contacts=contacts)

        answer = program("GET", "/contacts?page_size=1000").get_json()

        assert [it["id"] for it in answer["contacts"]] == [str(n) for n in range(1000)]

    def test_an_enum_value_of_a_newer_peer_is_shown_as_its_number(
        self, program: Any, peers: Any
    ) -> None:
        newer = user_pb2.Role(id="r1")
        newer.ParseFromString(newer.SerializeToString() + b"\x2a\x02\x18\x63")
        peers.answers["UpdateRole"] = newer

        answer = program("PATCH", "/roles/r1", json={"name": "x"})

        assert answer.get_json()["rights"] == [{"resource": "", "action": "", "level": "99"}]
