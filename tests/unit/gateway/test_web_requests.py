"""Staff's pages of customers' requests: the list, the thread, answering and closing."""

from typing import Any

import pytest
from crm.interactions.v1 import request_pb2, request_service_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.web_parts import ID, sent, shown

ERASE = "/contacts/0192f3a0-0000-7000-8000-00000000000c/erase?reason=requested"
CONTACT = "0192f3a0-0000-7000-8000-00000000000c"


def asked(kind: str = "QUESTION", state: str = "OPEN", **more: Any) -> request_pb2.Request:
    return request_pb2.Request(
        id=ID,
        etag="4",
        contact_id=CONTACT,
        kind=request_pb2.RequestKind.Value(f"REQUEST_KIND_{kind}"),
        state=request_pb2.RequestState.Value(f"REQUEST_STATE_{state}"),
        text="Kêu <b>to</b>",
        replies=[request_pb2.RequestReply(text="Vẫn kêu", author_id="customer")],
        **more,
    )


@pytest.fixture
def page(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    known = [contact_pb2.Contact(id=CONTACT, display_name="Đào")]
    peers.answers.update(
        BatchGetContacts=contact_service_pb2.BatchGetContactsResponse(contacts=known),
        ListRequests=request_service_pb2.ListRequestsResponse(
            requests=[asked(subject="Bảo hành")], next_page_token="t"
        ),
        GetRequest=asked(subject="Bảo hành"),
        ReplyToRequest=asked(),
        CloseRequest=asked(),
    )
    return signed_in


class TestList:
    def test_those_that_wait_come_first_and_any_can_be_asked_for(
        self, page: FlaskClient, peers: Any
    ) -> None:
        text = shown(page, "/requests")
        shown(page, "/requests?state=&kind=erasure")

        first, second = (it.request for it in peers.named("ListRequests"))
        assert list(first.states) == [request_pb2.REQUEST_STATE_OPEN]
        assert (list(second.states), list(second.kinds)) == (
            [],
            [request_pb2.REQUEST_KIND_ERASURE],
        )
        assert all(it in text for it in ("Bảo hành", "Đào", "page=t"))

    def test_an_empty_one_says_what_comes_here(self, page: FlaskClient, peers: Any) -> None:
        peers.answers["ListRequests"] = request_service_pb2.ListRequestsResponse()

        assert "What customers ask in the portal" in shown(page, "/requests")


class TestOne:
    def test_the_thread_is_shown_as_text(self, page: FlaskClient) -> None:
        text = shown(page, f"/requests/{ID}")

        assert "Kêu &lt;b&gt;to&lt;/b&gt;" in text
        assert "The customer" in text
        assert "no e-mail or SMS" in text

    def test_one_of_erasure_says_what_the_law_wants(self, page: FlaskClient, peers: Any) -> None:
        peers.answers["GetRequest"] = asked("ERASURE")

        text = shown(page, f"/requests/{ID}")

        assert "everything kept of them be erased" in text
        assert f'href="{ERASE}"' in text

    def test_a_closed_one_offers_nothing_to_do(self, page: FlaskClient, peers: Any) -> None:
        peers.answers["GetRequest"] = asked(state="CLOSED")

        text = shown(page, f"/requests/{ID}")

        assert "/reply" not in text
        assert "/close" not in text

    def test_it_is_answered(self, page: FlaskClient, peers: Any) -> None:
        answer = sent(page, f"/requests/{ID}/reply", text="Mai có thợ")

        given = peers.named("ReplyToRequest")[-1].request
        assert (given.id, given.text, given.request_id) == (ID, "Mai có thợ", ID)
        assert answer.headers["Location"] == f"/requests/{ID}"

    def test_what_is_refused_stays_typed(self, page: FlaskClient, peers: Any) -> None:
        why = [FieldViolation("text", "longer than 4000 characters")]
        refusal = errors.InvalidArgument("FIELDS_INVALID", "no", violations=why)
        peers.answers["ReplyToRequest"] = refusal

        answer = sent(page, f"/requests/{ID}/reply", text="dài")

        assert answer.status_code == 400
        assert "dài</textarea>" in answer.get_data(as_text=True)

    def test_it_is_closed_as_it_was_read(self, page: FlaskClient, peers: Any) -> None:
        answer = sent(page, f"/requests/{ID}/close", etag="4")

        assert peers.named("CloseRequest")[-1].request.etag == "4"
        assert answer.headers["Location"] == "/requests"
