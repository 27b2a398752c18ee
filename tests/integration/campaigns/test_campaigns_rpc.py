"""CampaignService, as clients call it."""

from datetime import timedelta
from uuid import uuid4

from crm.campaigns.v1 import campaign_pb2, template_pb2
from crm.campaigns.v1 import campaign_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis import errors
from chassis.context import Principal
from tests.integration.campaigns.campaign_parts import at, change, get
from tests.integration.campaigns.house import MARKETER, NOBODY, House, member
from tests.integration.serving import refused

SMS = template_pb2.CHANNEL_SMS


class TestCreate:
    async def test_a_draft_is_stored_as_it_was_written(self, house: House) -> None:
        segment, contact = str(uuid4()), str(uuid4())
        audience = campaign_pb2.Audience(
            kind="lead",
            segment_ids=[segment],
            contact_ids=[contact],
            excluded_segment_ids=[segment],
        )

        made = await house.campaign(audience=audience, max_per_second=5, not_after=at(timedelta(1)))

        assert await get(house, made.id) == made
        assert made.audience == audience
        assert (made.max_per_second, made.creator_id) == (5, MARKETER.subject)
        assert made.latest_run_state == campaign_pb2.RUN_STATE_UNSPECIFIED
        assert await house.events() == ["CampaignChanged"]

    async def test_every_wrong_field_is_named_at_once(self, house: House) -> None:
        wrong = campaign_pb2.Campaign(
            advertiser_id=str(uuid4()),
            sender_identity_id="x",
            template_id=str(uuid4()),
            audience=campaign_pb2.Audience(kind="dog", contact_ids=["y"]),
            not_after=at(-timedelta(1)),
            max_per_second=-1,
        )

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.campaigns.CreateCampaign(pb.CreateCampaignRequest(campaign=wrong))

        assert set(refusal.fields()) == {
            "campaign.name",
            "campaign.channel",
            "campaign.purpose",
            "campaign.advertiser_id",
            "campaign.sender_identity_id",
            "campaign.template_id",
            "campaign.audience.kind",
            "campaign.audience.contact_ids[0]",
            "campaign.not_after",
            "campaign.max_per_second",
        }
        assert await house.rows("SELECT count(*) FROM campaigns") == [(0,)]

    async def test_an_audience_must_be_said_even_if_it_is_everybody(self, house: House) -> None:
        draft = await house.draft()
        draft.ClearField("audience")

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.campaigns.CreateCampaign(pb.CreateCampaignRequest(campaign=draft))

        assert refusal.fields() == ["campaign.audience"]

    async def test_the_template_must_be_of_its_channel(self, house: House) -> None:
        template = await house.template()

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.campaign(channel=SMS, template_id=template.id)

        assert refusal.fields() == ["campaign.template_id"]

    async def test_a_repeated_request_drafts_one(self, house: House) -> None:
        request = pb.CreateCampaignRequest(campaign=await house.draft(), request_id="r1")

        first = await house.campaigns.CreateCampaign(request)
        again = await house.campaigns.CreateCampaign(request)

        assert first == again

    async def test_a_request_id_of_another_request_is_refused(self, house: House) -> None:
        template = await house.template()
        for name in ("A", "B"):
            draft = await house.draft(name=name, template_id=template.id)
            request = pb.CreateCampaignRequest(campaign=draft, request_id="r1")
            if name == "A":
                await house.campaigns.CreateCampaign(request)

        with refused(errors.AlreadyExists, "REQUEST_ID_REUSED"):
            await house.campaigns.CreateCampaign(request)

    async def test_an_absent_notifier_is_said(self, house: House) -> None:
        house.senders.is_away = True

        with refused(errors.Unavailable, "PEER_UNAVAILABLE"):
            await house.campaign()


class TestUpdate:
    async def test_only_the_fields_named_are_changed(self, house: House) -> None:
        made = await house.campaign()
        request = pb.UpdateCampaignRequest(
            campaign=campaign_pb2.Campaign(id=made.id, name="Mới", max_per_second=9),
            update_mask=FieldMask(paths=["name"]),
        )

        after = await house.campaigns.UpdateCampaign(request)

        assert (after.name, after.max_per_second, after.revision) == ("Mới", 0, 2)
        assert after.create_time == made.create_time
        assert await house.events() == ["CampaignChanged", "CampaignChanged"]

    async def test_a_stale_etag_is_refused(self, house: House) -> None:
        made = await house.campaign()
        await change(house, made.id, name="Mới")

        with refused(errors.Aborted, "ETAG_STALE") as refusal:
            await change(house, made.id, name="Khác", etag=made.etag)

        assert refusal.error.metadata["id"] == made.id

    async def test_one_that_runs_cannot_change(self, house: House) -> None:
        run = await house.run_of([member(1)])

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await change(house, run.campaign_id, name="Mới")

    async def test_a_mask_may_name_only_what_can_change(self, house: House) -> None:
        made = await house.campaign()
        request = pb.UpdateCampaignRequest(
            campaign=made, update_mask=FieldMask(paths=["latest_run_id"])
        )

        with refused(errors.InvalidArgument, "UPDATE_MASK_INVALID"):
            await house.campaigns.UpdateCampaign(request)

    async def test_an_unknown_campaign_is_missing(self, house: House) -> None:
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await change(house, str(uuid4()), name="Mới")


class TestDelete:
    async def test_a_draft_is_deleted(self, house: House) -> None:
        made = await house.campaign()

        await house.campaigns.DeleteCampaign(pb.DeleteCampaignRequest(id=made.id, etag=made.etag))

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await get(house, made.id)

    async def test_one_that_was_started_stays(self, house: House) -> None:
        run = await house.run_of([member(1)])

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await house.campaigns.DeleteCampaign(pb.DeleteCampaignRequest(id=run.campaign_id))


class TestList:
    async def test_newest_come_first_in_pages(self, house: House) -> None:
        made = [(await house.campaign(name=str(n))).id for n in range(3)]

        first = await house.campaigns.ListCampaigns(pb.ListCampaignsRequest(page_size=2))
        rest = await house.campaigns.ListCampaigns(
            pb.ListCampaignsRequest(page_size=2, page_token=first.next_page_token)
        )

        assert [each.id for each in (*first.campaigns, *rest.campaigns)] == made[::-1]
        assert rest.next_page_token == ""

    async def test_drafts_and_running_ones_are_told_apart(self, house: House) -> None:
        draft = await house.campaign()
        run = await house.run_of([member(1)])
        states = campaign_pb2.RunState

        async def listed(*wanted: campaign_pb2.RunState.ValueType) -> list[str]:
            request = pb.ListCampaignsRequest(latest_run_states=wanted)
            found = await house.campaigns.ListCampaigns(request)
            return [each.id for each in found.campaigns]

        assert await listed(states.RUN_STATE_UNSPECIFIED) == [draft.id]
        assert await listed(states.RUN_STATE_PLANNING) == [run.campaign_id]
        assert await listed(states.RUN_STATE_UNSPECIFIED, states.RUN_STATE_PLANNING) == [
            run.campaign_id,
            draft.id,
        ]
        assert await listed(states.RUN_STATE_COMPLETED) == []

    async def test_a_negative_page_size_is_refused(self, house: House) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await house.campaigns.ListCampaigns(pb.ListCampaignsRequest(page_size=-1))


class TestRights:
    async def test_who_has_none_is_refused_everything(self, house: House) -> None:
        nobody = house.call(NOBODY)

        for call in (
            nobody.campaigns.CreateCampaign(pb.CreateCampaignRequest()),
            nobody.campaigns.GetCampaign(pb.GetCampaignRequest()),
            nobody.campaigns.ListCampaigns(pb.ListCampaignsRequest()),
            nobody.campaigns.UpdateCampaign(pb.UpdateCampaignRequest()),
            nobody.campaigns.DeleteCampaign(pb.DeleteCampaignRequest()),
            nobody.campaigns.ReviewCampaign(pb.ReviewCampaignRequest()),
            nobody.campaigns.StartCampaign(pb.StartCampaignRequest()),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await call

    async def test_writing_is_not_starting(self, house: House) -> None:
        campaign = await house.campaign()
        writer = Principal(MARKETER.subject, "user", rights={"campaigns": {"write": "all"}})

        with refused(errors.PermissionDenied, "RIGHT_MISSING") as refusal:
            await house.call(writer).start(campaign.id)

        assert refusal.error.metadata["action"] == "start"

    async def test_without_a_token_nobody_is_known(self, house: House) -> None:
        with refused(errors.Unauthenticated, "TOKEN_MISSING"):
            await get(house.call(None), str(uuid4()))
