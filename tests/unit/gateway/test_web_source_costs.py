"""The pages of what sources cost: amounts as people write them, refusals at their input."""

from typing import Any

import pytest
from crm.leads.v1 import (
    source_cost_pb2,
    source_cost_service_pb2,
    source_pb2,
    source_service_pb2,
)
from flask.testing import FlaskClient
from google.protobuf.empty_pb2 import Empty

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.web_parts import ID, sent, shown

PLAN = {
    "source_id": ID,
    "start_date": "2026-03-01",
    "end_date": "2026-03-31",
    "amount": "1.500.000",
    "currency": "VND",
    "note": "hóa đơn 7",
}


@pytest.fixture
def desk(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, one source and one cost."""
    days = {"start_date": "2026-03-01", "end_date": "2026-04-01"}
    stored = source_cost_pb2.SourceCost(
        id=ID, source_id=ID, amount=1250, currency="USD", note="<b>", etag="3", **days
    )
    peers.answers.update(
        ListSources=source_service_pb2.ListSourcesResponse(
            sources=[source_pb2.Source(id=ID, name="Zalo")]
        ),
        ListSourceCosts=source_cost_service_pb2.ListSourceCostsResponse(
            source_costs=[stored], next_page_token="more"
        ),
        GetSourceCost=stored,
        CreateSourceCost=stored,
        UpdateSourceCost=stored,
        DeleteSourceCost=Empty(),
    )
    return signed_in


class TestList:
    def test_it_is_of_a_source_and_of_whole_days(self, desk: FlaskClient, peers: Any) -> None:
        page = shown(desk, f"/reports/costs?source={ID}&from=2026-03-01&to=2026-03-31&lang=vi")

        asked = peers.named("ListSourceCosts")[-1].request
        assert (asked.source_id, asked.start_date, asked.end_date) == (
            *(ID, "2026-03-01"),
            "2026-04-01",
        )
        assert "01/03/2026 – 31/03/2026" in page
        assert "12,50 USD" in page
        assert "&lt;b&gt;" in page
        assert "page=more" in page

    def test_days_that_are_none_are_said_at_their_input(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListSourceCosts"] = errors.InvalidArgument(
            "FIELDS_INVALID",
            "no",
            violations=[FieldViolation("end_date", "is not after start_date")],
        )

        page = shown(desk, "/reports/costs?from=2026-03-09&to=2026-03-01&lang=vi", 400)

        assert "Phải sau ngày bắt đầu" in page
        assert 'value="2026-03-09"' in page

    def test_without_any_it_says_what_to_do(self, desk: FlaskClient, peers: Any) -> None:
        peers.answers["ListSourceCosts"] = source_cost_service_pb2.ListSourceCostsResponse()

        assert "Enter what a source cost" in shown(desk, "/reports/costs?lang=en")


class TestForm:
    def test_a_cost_is_added_as_it_was_written(self, desk: FlaskClient, peers: Any) -> None:
        shown(desk, "/reports/costs/new?lang=vi")

        answer = sent(desk, "/reports/costs/new", **PLAN)

        stored = peers.named("CreateSourceCost")[-1].request
        given = stored.source_cost
        assert answer.status_code in (302, 303)
        assert (given.amount, given.currency) == (1_500_000, "VND")
        assert (given.start_date, given.end_date) == ("2026-03-01", "2026-04-01")
        assert stored.request_id == ID

    @pytest.mark.parametrize("amount", ["12,5", "một triệu", "-5", "1" * 16])
    def test_what_is_no_amount_is_said_and_not_sent(
        self, desk: FlaskClient, peers: Any, amount: str
    ) -> None:
        shown(desk, "/reports/costs/new?lang=vi")

        answer = sent(desk, "/reports/costs/new", **{**PLAN, "amount": amount})

        assert answer.status_code == 400
        assert 'id="amount-wrong"' in answer.get_data(as_text=True)
        assert amount in answer.get_data(as_text=True)
        assert not peers.named("CreateSourceCost")

    def test_one_is_changed_as_it_was_last_seen(self, desk: FlaskClient, peers: Any) -> None:
        page = shown(desk, f"/reports/costs/{ID}?lang=en")
        assert 'value="12.50"' in page
        assert 'value="2026-03-31"' in page

        changed = {**PLAN, "amount": "9.99", "currency": "USD", "etag": "3"}
        sent(desk, f"/reports/costs/{ID}", **changed)

        asked = peers.named("UpdateSourceCost")[-1].request
        assert (asked.source_cost.id, asked.source_cost.etag) == (ID, "3")
        assert (asked.source_cost.amount, asked.source_cost.currency) == (999, "USD")
        assert "amount" in asked.update_mask.paths

    def test_what_somebody_else_changed_is_not_written_over(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        peers.answers["UpdateSourceCost"] = errors.Aborted("ETAG_STALE", "changed")
        shown(desk, "/reports/costs/new?lang=en")

        answer = sent(desk, f"/reports/costs/{ID}", **{**PLAN, "amount": "5"}, etag="2")

        assert "Somebody else changed this" in answer.get_data(as_text=True)

    def test_one_is_removed(self, desk: FlaskClient, peers: Any) -> None:
        sent(desk, f"/reports/costs/{ID}/delete")

        assert peers.named("DeleteSourceCost")[-1].request.id == ID
