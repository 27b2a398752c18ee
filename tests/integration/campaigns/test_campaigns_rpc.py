"""CampaignService, as clients call it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from crm.campaigns.v1 import campaign_pb2, template_pb2
from crm.campaigns.v1 import campaign_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from services.campaigns.clients.notifier import Counted, Probe, Stop
from tests.integration.campaigns.house import MARKETER, NOBODY, House, member
from tests.integration.serving import refused

SMS = template_pb2.CHANNEL_SMS


def at(delta: timedelta) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + delta)
    return stamp


async def get(house: House, campaign_id: str) -> campaign_pb2.Campaign:
    return await house.campaigns.GetCampaign(pb.GetCampaignRequest(id=campaign_id))


async def change(house: House, campaign_id: str, **given: object) -> campaign_pb2.Campaign:
    campaign = campaign_pb2.Campaign(id=campaign_id, **given)  # type: ignore[arg-type]
    return await house.campaigns.UpdateCampaign(pb.UpdateCampaignRequest(campaign=campaign))


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


class TestReview:
    async def test_it_says_who_gets_it_and_who_does_not(self, house: House) -> None:
        campaign = await house.campaign()
        house.people.members = [member(1, values=["Đào"]), member(2, consented=False)]

        found = await house.campaigns.ReviewCampaign(pb.ReviewCampaignRequest(id=campaign.id))

        assert (found.audience, found.planned) == (2, 1)
        (left_out,) = found.excluded
        assert left_out.reason == campaign_pb2.EXCLUSION_REASON_NO_CONSENT
        (sample,) = found.samples
        assert (sample.address, sample.html) == ("Person1@example.vn", "<p>Chào Đào</p>")
        assert await house.rows("SELECT count(*) FROM runs") == [(0,)]

    async def test_it_says_what_the_gates_would_say_now_and_of_how_many(self, house: House) -> None:
        campaign = await house.campaign()
        house.people.members = [member(n, values=["Đào"]) for n in range(1, 6)]
        until = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
        house.senders.gates = Probe(3, [Stop(True, "CAP", "vn.email.cap", 2, until)])

        found = await house.campaigns.ReviewCampaign(
            pb.ReviewCampaignRequest(id=campaign.id, sample_size=2)
        )

        assert (found.gates.checked, found.gates.exact, found.gates.may_go) == (5, True, 3)
        (stopped,) = found.gates.stopped
        assert (stopped.rule, stopped.count, stopped.deferred) == ("vn.email.cap", 2, True)
        assert stopped.not_before.ToDatetime(UTC) == until
        assert len(found.samples) == 2
        assert len(house.senders.probed) == 5

    async def test_without_an_answer_of_the_notifier_it_says_nothing_of_gates(
        self, house: House
    ) -> None:
        campaign = await house.campaign()
        house.people.members = [member(1, values=["Đào"])]

        found = await house.campaigns.ReviewCampaign(pb.ReviewCampaignRequest(id=campaign.id))

        assert found.planned == 1
        assert not found.HasField("gates")

    async def test_an_sms_says_its_segments(self, house: House) -> None:
        template = await house.template(
            channel=SMS, subject="", html="", text="Chào {{ display_name }}" + "ạ" * 70
        )
        campaign = await house.campaign(channel=SMS, template_id=template.id)
        house.people.members = [member(1)]

        found = await house.campaigns.ReviewCampaign(pb.ReviewCampaignRequest(id=campaign.id))

        assert found.max_segments == 2
        assert (found.max_billed_segments, found.samples[0].billed_segments) == (0, 0)

    async def test_an_sms_says_as_what_it_would_be_sent_and_billed(self, house: House) -> None:
        template = await house.template(
            channel=SMS,
            subject="",
            html="",
            text="{% if display_name == 'Bom' %}{{ 1 / 0 }}{% endif %}{{ display_name }}",
        )
        campaign = await house.campaign(channel=SMS, template_id=template.id)
        house.people.members = [member(n, values=[name]) for n, name in enumerate("A B".split())]
        house.people.members.insert(1, member(9, values=["Bom"]))
        house.senders.counted = [
            Counted("[QC] A", "gsm7", 1, 1, "care"),
            Counted("[QC] B", "gsm7", 1, 2, "vn.sms.billing.marketing"),
        ]

        found = await house.campaigns.ReviewCampaign(pb.ReviewCampaignRequest(id=campaign.id))

        assert [(it.text, it.billed_segments) for it in found.samples] == [
            ("[QC] A", 1),
            ("", 0),
            ("[QC] B", 2),
        ]
        assert (found.max_segments, found.max_billed_segments) == (1, 2)
        assert found.billing_rule == "vn.sms.billing.marketing"

    async def test_one_person_who_cannot_be_rendered_is_shown(self, house: House) -> None:
        template = await house.template(
            html="{% if display_name == 'Bom' %}{{ 1 / 0 }}{% endif %}{{ display_name }}", text="t"
        )
        campaign = await house.campaign(template_id=template.id)
        house.people.members = [member(1, values=["Bom"]), member(2, values=["An"])]

        found = await house.campaigns.ReviewCampaign(pb.ReviewCampaignRequest(id=campaign.id))

        assert "line 1" in found.samples[0].failure
        assert found.samples[1].html == "An"


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
