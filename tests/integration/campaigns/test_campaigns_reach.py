"""Whose campaigns somebody may see and change, and the runs of them."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from crm.campaigns.v1 import campaign_pb2
from crm.campaigns.v1 import campaign_service_pb2 as campaigns_pb
from crm.campaigns.v1 import run_service_pb2 as runs_pb
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from tests.integration.campaigns.house import House, member
from tests.integration.serving import refused

SALES, CARE = str(uuid4()), str(uuid4())
As = Callable[[Principal | None], House]
_LET_GO = """
    WITH gone AS (DELETE FROM recipients RETURNING *)
    INSERT INTO past_recipients (contact_id, run_id, channel, run_date, state, reason, time)
    SELECT contact_id, run_id, channel, run_date, state, reason, update_time FROM gone
"""


def marketer(team: str | None, level: str, **others: str) -> Principal:
    actions = {"read": level, "write": level, "delete": level, "start": level, "export": level}
    rights = {
        "campaigns": actions | others,
        "messages": {"read": "all"},
        "templates": {"read": "all", "write": "all"},
    }
    return Principal(str(uuid4()), "user", team, rights)


@pytest.fixture
def as_(house: House) -> As:
    """The same service for another caller."""
    return house.call


@pytest.fixture
async def mine(as_: As) -> House:
    """Somebody of sales who reaches their own campaigns."""
    return as_(marketer(SALES, "own"))


def names(found: campaigns_pb.ListCampaignsResponse) -> list[str]:
    return [it.name for it in found.campaigns]


class TestCampaigns:
    async def test_one_belongs_to_who_drafts_it_and_to_their_team(self, mine: House) -> None:
        made = await mine.campaign()

        assert made.team_id == SALES

    async def test_own_reaches_what_one_drafted(self, mine: House, as_: As) -> None:
        colleague = as_(marketer(SALES, "own"))
        await mine.campaign(name="Tết")
        theirs = await colleague.campaign(name="Rằm")

        listed = await mine.campaigns.ListCampaigns(campaigns_pb.ListCampaignsRequest())
        several = await mine.campaigns.BatchGetCampaigns(
            campaigns_pb.BatchGetCampaignsRequest(ids=[theirs.id])
        )

        assert names(listed) == ["Tết"]
        assert not several.campaigns
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await mine.campaigns.GetCampaign(campaigns_pb.GetCampaignRequest(id=theirs.id))

    async def test_team_reaches_what_colleagues_drafted(self, mine: House, as_: As) -> None:
        await mine.campaign(name="Tết")
        await as_(marketer(CARE, "own")).campaign(name="Rằm")
        await as_(marketer(None, "own")).campaign(name="Hè")

        manager = as_(marketer(SALES, "team"))
        listed = await manager.campaigns.ListCampaigns(campaigns_pb.ListCampaignsRequest())

        assert names(listed) == ["Tết"]

    async def test_all_reaches_everything(self, mine: House, as_: As) -> None:
        await mine.campaign(name="Tết")
        await as_(marketer(None, "own")).campaign(name="Rằm")

        listed = await as_(marketer(None, "all")).campaigns.ListCampaigns(
            campaigns_pb.ListCampaignsRequest()
        )

        assert names(listed) == ["Rằm", "Tết"]

    async def test_what_may_be_seen_and_not_changed_says_so(self, mine: House, as_: As) -> None:
        made = await mine.campaign()
        reader = as_(marketer(SALES, "own", read="team"))

        await reader.campaigns.GetCampaign(campaigns_pb.GetCampaignRequest(id=made.id))
        change = campaigns_pb.UpdateCampaignRequest(
            campaign=campaign_pb2.Campaign(id=made.id, name="Anders"),
            update_mask=FieldMask(paths=["name"]),
        )
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await reader.campaigns.UpdateCampaign(change)
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await reader.campaigns.DeleteCampaign(campaigns_pb.DeleteCampaignRequest(id=made.id))
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await reader.start(made.id)

    async def test_what_is_out_of_reach_is_not_there(self, mine: House, as_: As) -> None:
        made = await mine.campaign()
        stranger = as_(marketer(CARE, "team")).campaigns

        for call, request in (
            (stranger.GetCampaign, campaigns_pb.GetCampaignRequest(id=made.id)),
            (stranger.DuplicateCampaign, campaigns_pb.DuplicateCampaignRequest(id=made.id)),
            (stranger.DeleteCampaign, campaigns_pb.DeleteCampaignRequest(id=made.id)),
            (stranger.ReviewCampaign, campaigns_pb.ReviewCampaignRequest(id=made.id)),
            (
                stranger.StartCampaign,
                campaigns_pb.StartCampaignRequest(id=made.id, request_id=str(uuid4())),
            ),
        ):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await call(request)


class TestRuns:
    async def test_they_are_reached_as_their_campaign_is(self, mine: House, as_: As) -> None:
        run = await mine.run_of([member(1)])
        manager, stranger = as_(marketer(SALES, "team")), as_(marketer(CARE, "team"))

        assert (await manager.get(run)).id == run.id
        for reader, found in ((manager, [run.id]), (stranger, [])):
            listed = await reader.runs.ListRuns(runs_pb.ListRunsRequest())
            assert [it.id for it in listed.runs] == found

    @pytest.mark.parametrize("is_past", [False, True])
    async def test_a_contact_has_what_those_within_reach_had_for_it(
        self, house: House, mine: House, as_: As, is_past: bool
    ) -> None:
        someone = member(1)
        run = await mine.planned([someone])
        if is_past:
            async with house.sessions.begin() as session:
                await session.execute(text(_LET_GO))
        asked = runs_pb.ListContactRecipientsRequest(contact_id=str(UUID(bytes=someone.contact_id)))

        for reader, found in (
            (mine, [run.id]),
            (as_(marketer(SALES, "team")), [run.id]),
            (as_(marketer(SALES, "own")), []),
            (as_(marketer(CARE, "team")), []),
        ):
            listed = await reader.runs.ListContactRecipients(asked)
            assert [it.run_id for it in listed.recipients] == found

    async def test_those_out_of_reach_are_not_there(self, mine: House, as_: As) -> None:
        run = await mine.run_of([member(1)])
        stranger = as_(marketer(CARE, "team"))

        for call, request in (
            (stranger.runs.GetRun, runs_pb.GetRunRequest(id=run.id)),
            (stranger.runs.PauseRun, runs_pb.PauseRunRequest(id=run.id)),
            (stranger.runs.ResumeRun, runs_pb.ResumeRunRequest(id=run.id)),
            (stranger.runs.CancelRun, runs_pb.CancelRunRequest(id=run.id)),
            (stranger.runs.ListRecipients, runs_pb.ListRecipientsRequest(run_id=run.id)),
        ):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await call(request)
        for stream, request in (
            (stranger.runs.WatchRun, runs_pb.WatchRunRequest(id=run.id)),
            (stranger.runs.ExportRecipients, runs_pb.ExportRecipientsRequest(run_id=run.id)),
        ):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                _ = [it async for it in stream(request)]

    async def test_one_that_may_be_seen_and_not_stopped_says_so(self, mine: House, as_: As) -> None:
        run = await mine.run_of([member(1)])
        reader = as_(marketer(SALES, "own", read="team"))

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await reader.runs.PauseRun(runs_pb.PauseRunRequest(id=run.id))
        assert (await mine.get(run)).state != campaign_pb2.RUN_STATE_PAUSED

    async def test_nobody_writes_to_those_whom_a_run_out_of_reach_missed(
        self, mine: House, as_: As
    ) -> None:
        run = await mine.run_of([member(1)])
        stranger = as_(marketer(CARE, "team"))
        unreached = campaign_pb2.Unreached(
            run_id=run.id, states=[campaign_pb2.UNREACHED_STATE_CANCELLED]
        )

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await stranger.campaigns.DraftResend(
                campaigns_pb.DraftResendRequest(unreached=unreached)
            )
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await stranger.campaign(audience=campaign_pb2.Audience(unreached=unreached))
        assert refusal.fields() == ["campaign.audience.unreached.run_id"]
