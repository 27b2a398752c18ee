"""Copies of campaigns, and several campaigns at once."""

from datetime import timedelta
from uuid import uuid4

from crm.campaigns.v1 import campaign_pb2
from crm.campaigns.v1 import campaign_service_pb2 as pb
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from tests.integration.campaigns.campaign_parts import at
from tests.integration.campaigns.house import MARKETER, NOBODY, House, member
from tests.integration.serving import refused

READER = Principal(str(uuid4()), "user", rights={"campaigns": {"read": "all"}})


class TestACopy:
    async def test_it_is_a_draft_of_the_same(self, house: House) -> None:
        audience = campaign_pb2.Audience(kind="lead", segment_ids=[str(uuid4())])
        made = await house.campaign(audience=audience, max_per_second=5, not_after=at(timedelta(1)))
        house.people.members = [member(1)]
        await house.start(made.id)

        copy = await house.campaigns.DuplicateCampaign(pb.DuplicateCampaignRequest(id=made.id))

        assert (copy.name, copy.latest_run_id) == (f"{made.name} (2)", "")
        assert copy.creator_id == MARKETER.subject
        for name in ("template_id", "audience", "not_after", "max_per_second", "purpose"):
            assert getattr(copy, name) == getattr(made, name), name
        assert (await house.events())[-1] == "CampaignChanged"

    async def test_it_may_be_given_a_name_and_is_made_once(self, house: House) -> None:
        made = await house.campaign(name="Tết (2)")
        request = pb.DuplicateCampaignRequest(id=made.id, name="Rằm", request_id="r1")

        first, second = [await house.campaigns.DuplicateCampaign(request) for _ in range(2)]
        third = await house.campaigns.DuplicateCampaign(pb.DuplicateCampaignRequest(id=made.id))

        assert first == second
        assert (first.name, third.name) == ("Rằm", "Tết (3)")
        assert len(await house.rows("SELECT 1 FROM campaigns")) == 3

    async def test_a_time_that_has_passed_is_not_copied(self, house: House) -> None:
        made = await house.campaign(not_after=at(timedelta(1)))
        async with house.sessions.begin() as session:
            await session.execute(text("UPDATE campaigns SET not_after = now()"))

        copy = await house.campaigns.DuplicateCampaign(pb.DuplicateCampaignRequest(id=made.id))

        assert not copy.HasField("not_after")

    async def test_what_is_wrong_is_refused(self, house: House) -> None:
        made = await house.campaign()

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            gone = pb.DuplicateCampaignRequest(id=str(uuid4()))
            await house.campaigns.DuplicateCampaign(gone)
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            long = pb.DuplicateCampaignRequest(id=made.id, name="x" * 201)
            await house.campaigns.DuplicateCampaign(long)
        assert refusal.fields() == ["name"]
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            reader = house.call(READER)
            await reader.campaigns.DuplicateCampaign(pb.DuplicateCampaignRequest(id=made.id))


class TestSeveral:
    async def test_they_come_in_the_order_asked_without_those_that_are_gone(
        self, house: House
    ) -> None:
        first, second = [await house.campaign() for _ in range(2)]
        await house.campaign()
        ids = [second.id, str(uuid4()), first.id]

        found = await house.campaigns.BatchGetCampaigns(pb.BatchGetCampaignsRequest(ids=ids))

        assert list(found.campaigns) == [second, first]

    async def test_what_is_wrong_is_refused(self, house: House) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.campaigns.BatchGetCampaigns(pb.BatchGetCampaignsRequest(ids=["x"]))
        assert refusal.fields() == ["ids[0]"]
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            many = pb.BatchGetCampaignsRequest(ids=[str(uuid4())] * 1_001)
            await house.campaigns.BatchGetCampaigns(many)
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.call(NOBODY).campaigns.BatchGetCampaigns(pb.BatchGetCampaignsRequest())
