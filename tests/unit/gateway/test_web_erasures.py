"""The pages of erasures: typed confirmation, reasons, progress and the report."""

from typing import Any

import pytest
from crm.erasure.v1 import erasure_pb2 as shared_pb2
from crm.interactions.v1 import agenda_service_pb2, follow_up_service_pb2, note_service_pb2
from crm.leads.v1 import contact_pb2, erasure_pb2, erasure_service_pb2, source_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from tests.unit.gateway.web_parts import ID, sent, shown

PLAN = {"reason": "requested", "confirm": "KH-7"}


def erasure(**changes: Any) -> erasure_pb2.Erasure:
    """One that the notifier does not answer for yet."""
    parts = [
        erasure_pb2.ErasurePart(
            name="leads",
            erased=[shared_pb2.ErasedKind(kind="import_files", count=2)],
            clean=True,
        ),
        erasure_pb2.ErasurePart(name="notifier-2", waiting=3, trouble="PEER_UNAVAILABLE"),
    ]
    made = erasure_pb2.Erasure(
        **{
            "id": ID,
            "contact_id": ID,
            "reason": erasure_pb2.ERASURE_REASON_REQUESTED,
            "state": erasure_pb2.ERASURE_STATE_RUNNING,
            "requester_id": ID,
            "parts": parts,
            **changes,
        }
    )
    made.request_time.FromSeconds(1_700_000_000)
    return made


@pytest.fixture
def desk(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, a contact and an erasure."""
    peers.answers.update(
        GetContact=contact_pb2.Contact(id=ID, display_name="<b>Hoa", reference_code="KH-7"),
        ListSources=source_service_pb2.ListSourcesResponse(),
        ListLifeStages=source_service_pb2.ListLifeStagesResponse(),
        ListTimeline=note_service_pb2.ListTimelineResponse(),
        ListFollowUps=follow_up_service_pb2.ListFollowUpsResponse(),
        BatchGetStandings=agenda_service_pb2.BatchGetStandingsResponse(),
        EraseContact=erasure(),
        GetErasure=erasure(),
        ListErasures=erasure_service_pb2.ListErasuresResponse(
            erasures=[erasure()], next_page_token="more"
        ),
    )
    return signed_in


class TestOrdering:
    def test_the_page_says_what_goes_what_stays_and_what_to_type(self, desk: FlaskClient) -> None:
        page = shown(desk, f"/contacts/{ID}/erase?lang=en")

        assert "This cannot be undone" in page
        assert "KH-7" in page
        assert "The person asked for it" in page
        assert "&lt;b&gt;Hoa" in page

    def test_a_request_of_the_customer_brings_its_reason(self, desk: FlaskClient) -> None:
        page = shown(desk, f"/contacts/{ID}/erase?reason=requested")

        assert '<option value="requested" selected>' in page

    def test_it_orders_and_shows_how_far_it_is(self, desk: FlaskClient, peers: Any) -> None:
        answer = sent(desk, f"/contacts/{ID}/erase", **PLAN)

        asked = peers.named("EraseContact")[-1].request
        assert (asked.contact_id, asked.confirm) == (ID, "KH-7")
        assert asked.reason == erasure_pb2.ERASURE_REASON_REQUESTED
        assert answer.status_code == 303
        assert answer.headers["Location"].endswith(f"/erasures/{ID}")

    def test_a_wrong_code_is_said_at_its_input(self, desk: FlaskClient, peers: Any) -> None:
        peers.answers["EraseContact"] = errors.FailedPrecondition("ERASURE_UNCONFIRMED", "no")

        answer = sent(desk, f"/contacts/{ID}/erase?lang=vi", **PLAN)

        assert answer.status_code == 400
        assert "Không đúng mã của liên hệ" in answer.get_data(as_text=True)

    def test_a_house_that_cannot_says_so(self, desk: FlaskClient, peers: Any) -> None:
        peers.answers["EraseContact"] = errors.FailedPrecondition("ERASURE_UNAVAILABLE", "no")

        answer = sent(desk, f"/contacts/{ID}/erase?lang=en", **PLAN)

        assert answer.status_code == 409
        assert "ask an administrator" in answer.get_data(as_text=True)


class TestLooking:
    def test_the_report_says_what_was_erased_and_who_does_not_answer(
        self, desk: FlaskClient
    ) -> None:
        page = shown(desk, f"/erasures/{ID}?lang=en")

        assert "files: 2" in page
        assert "Nothing left" in page
        assert "Does not answer (PEER_UNAVAILABLE)" in page
        assert "notifier-2" in page

    def test_the_list_goes_on_and_filters(self, desk: FlaskClient, peers: Any) -> None:
        page = shown(desk, "/erasures?state=running&lang=vi")

        asked = peers.named("ListErasures")[-1].request
        assert asked.state == erasure_pb2.ERASURE_STATE_RUNNING
        assert "Người đó yêu cầu" in page
        assert "page=more" in page

    def test_none_says_where_one_begins(self, desk: FlaskClient, peers: Any) -> None:
        peers.answers["ListErasures"] = erasure_service_pb2.ListErasuresResponse()

        assert "Nobody was erased" in shown(desk, "/erasures?lang=en")

    def test_the_contacts_page_leads_to_it(self, desk: FlaskClient) -> None:
        assert f"/contacts/{ID}/erase" in shown(desk, f"/contacts/{ID}")


class TestRepeating:
    def test_one_that_is_done_can_be_run_again(self, desk: FlaskClient, peers: Any) -> None:
        peers.answers["GetErasure"] = erasure(state=erasure_pb2.ERASURE_STATE_DONE)
        peers.answers["RepeatErasure"] = erasure()
        page = shown(desk, f"/erasures/{ID}?lang=en")

        answer = sent(desk, f"/erasures/{ID}/repeat")

        assert "Run again" in page
        assert peers.named("RepeatErasure")[-1].request.id == ID
        assert answer.headers["Location"].endswith(f"/erasures/{ID}")

    def test_one_that_runs_cannot(self, desk: FlaskClient) -> None:
        assert "/repeat" not in shown(desk, f"/erasures/{ID}?lang=en")
