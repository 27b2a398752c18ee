"""What sources cost, as it is kept."""

from typing import Any

import pytest
from crm.leads.v1 import source_cost_pb2
from crm.leads.v1 import source_cost_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import Aborted, InvalidArgument, NotFound, PermissionDenied
from tests.integration.leads.conftest import ALICE, NOBODY, Leads, user
from tests.integration.leads.report_parts import SOURCES, cost
from tests.integration.serving import refused

MARCH, APRIL = ("2026-03-01", "2026-04-01"), ("2026-04-01", "2026-05-01")


async def listed(leads: Leads, **asked: Any) -> list[str]:
    found = await leads.source_costs.ListSourceCosts(pb.ListSourceCostsRequest(**asked))
    return [it.id for it in found.source_costs]


async def change(leads: Leads, *paths: str, **given: Any) -> Any:
    asked = pb.UpdateSourceCostRequest(source_cost=source_cost_pb2.SourceCost(**given))
    asked.update_mask.CopyFrom(FieldMask(paths=paths))
    return await leads.source_costs.UpdateSourceCost(asked)


class TestChange:
    async def test_the_named_fields_change_and_the_rest_stays(self, leads: Leads) -> None:
        made = await cost(leads, SOURCES[0], *MARCH, note="hóa đơn 7")

        changed = await change(
            leads, "amount", "end_date", id=made.id, etag=made.etag, amount=5, end_date="2026-03-02"
        )

        read = await leads.source_costs.GetSourceCost(pb.GetSourceCostRequest(id=made.id))
        assert read == changed
        assert (read.amount, read.start_date, read.end_date) == (5, "2026-03-01", "2026-03-02")
        assert (read.note, read.revision, read.creator_id) == ("hóa đơn 7", 2, made.creator_id)
        assert read.create_time == made.create_time

    async def test_what_is_wrong_is_named_and_nothing_is_stored(self, leads: Leads) -> None:
        made = await cost(leads, SOURCES[0], *MARCH)

        for given, field in (
            ({"end_date": "2026-03-01"}, "end_date"),
            ({"amount": -1}, "amount"),
            ({"currency": "đồng"}, "currency"),
            ({"source_id": NOBODY}, "source_id"),
        ):
            with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
                await change(leads, field, id=made.id, **given)
            assert refusal.fields() == [f"source_cost.{field}"]
        with refused(Aborted, "ETAG_STALE"):
            await change(leads, "amount", id=made.id, etag="9", amount=5)
        with refused(NotFound, "RESOURCE_MISSING"):
            await change(leads, "amount", id=NOBODY, amount=5)
        with refused(PermissionDenied, "RIGHT_MISSING"):
            reader = leads.as_(user(ALICE, contacts="all"))
            await change(reader, "amount", id=made.id, amount=5)
        assert await change(leads, "amount", id=made.id, amount=made.amount) == made


class TestList:
    async def test_it_has_those_that_share_a_day_with_the_days_asked_for(
        self, leads: Leads
    ) -> None:
        march = (await cost(leads, SOURCES[0], *MARCH)).id
        april = (await cost(leads, SOURCES[1], *APRIL)).id

        assert await listed(leads) == [april, march]
        assert await listed(leads, start_date="2026-04-01") == [april]
        assert await listed(leads, end_date="2026-04-01") == [march]
        assert await listed(leads, start_date="2026-03-31", end_date="2026-04-02") == [april, march]
        assert await listed(leads, start_date="2026-03-31", source_id=SOURCES[0]) == [march]

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({"start_date": "2026-02-30"}, "start_date"),
            ({"start_date": "2026-03-02", "end_date": "2026-03-02"}, "end_date"),
        ],
    )
    async def test_days_that_are_none_are_named(
        self, leads: Leads, asked: dict[str, str], field: str
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await listed(leads, **asked)

        assert refusal.fields() == [field]
