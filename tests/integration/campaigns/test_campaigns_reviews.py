"""What a review says before a start: who gets it, who does not and why, and what it costs."""

from datetime import UTC, datetime

from crm.campaigns.v1 import campaign_pb2, template_pb2
from crm.campaigns.v1 import campaign_service_pb2 as pb

from services.campaigns.clients.notifier import Counted, Probe, Stop
from tests.integration.campaigns.house import House, member

SMS = template_pb2.CHANNEL_SMS


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
