"""Starting a campaign, once, and only one that can be started."""

from datetime import UTC, datetime, timedelta

from crm.campaigns.v1 import campaign_pb2
from crm.campaigns.v1 import campaign_service_pb2 as pb
from sqlalchemy import text

from chassis import errors
from tests.integration.campaigns.campaign_parts import at, change, get
from tests.integration.campaigns.house import House, member
from tests.integration.serving import refused


class TestStart:
    async def test_a_run_begins(self, house: House) -> None:
        run = await house.run_of([member(1)], max_per_second=3)

        campaign = await get(house, run.campaign_id)
        assert run.state == campaign_pb2.RUN_STATE_PLANNING
        assert (run.epoch, run.revision, run.planned) == (1, 1, 0)
        assert run.run_date == datetime.now(UTC).date().isoformat()
        assert (campaign.latest_run_id, campaign.latest_run_state) == (run.id, run.state)
        assert (await house.events())[-2:] == ["CampaignChanged", "RunStarted"]

    async def test_the_same_request_starts_one_run_whatever_happened_since(
        self, house: House
    ) -> None:
        campaign = await house.campaign()
        house.people.members = [member(1)]
        first = await house.start(campaign.id, "r1")
        house.people.is_away = house.senders.is_away = True

        assert await house.start(campaign.id, "r1") == first

    async def test_a_second_run_waits_for_the_end_of_the_first(self, house: House) -> None:
        run = await house.run_of([member(1)])

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await house.start(run.campaign_id)

        async with house.sessions.begin() as session:
            await session.execute(text("UPDATE runs SET state = 'COMPLETED', end_time = now()"))
        again = await house.start(run.campaign_id)
        assert again.id != run.id

    async def test_nobody_to_write_to_is_said(self, house: House) -> None:
        campaign = await house.campaign()

        with refused(errors.FailedPrecondition, "AUDIENCE_EMPTY"):
            await house.start(campaign.id)

        assert await house.rows("SELECT count(*) FROM runs") == [(0,)]

    async def test_what_was_reviewed_is_what_is_started(self, house: House) -> None:
        campaign = await house.campaign()
        house.people.members = [member(1)]
        await change(house, campaign.id, name="Mới")

        with refused(errors.Aborted, "ETAG_STALE"):
            await house.campaigns.StartCampaign(
                pb.StartCampaignRequest(id=campaign.id, request_id="r1", etag=campaign.etag)
            )

    async def test_a_request_id_is_required(self, house: House) -> None:
        campaign = await house.campaign()

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.campaigns.StartCampaign(pb.StartCampaignRequest(id=campaign.id))

        assert refusal.fields() == ["request_id"]

    async def test_a_campaign_whose_time_has_passed_is_not_started(self, house: House) -> None:
        campaign = await house.campaign(not_after=at(timedelta(days=1)))
        house.people.members = [member(1)]
        async with house.sessions.begin() as session:
            await session.execute(text("UPDATE campaigns SET not_after = now()"))

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await house.start(campaign.id)

    async def test_a_run_keeps_the_content_it_started_with(self, house: House) -> None:
        run = await house.run_of([member(1)])
        campaign = await get(house, run.campaign_id)
        before = await house.rows("SELECT content_hash FROM runs")
        async with house.sessions.begin() as session:
            await session.execute(
                text("UPDATE templates SET html = 'x' WHERE id = :id"),
                {"id": campaign.template_id},
            )

        assert await house.rows("SELECT content_hash FROM runs") == before
