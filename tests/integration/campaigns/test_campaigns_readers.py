"""Whom reviews and previews show, and what of them: as far as who looks may read contacts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.campaigns.v1 import campaign_service_pb2 as pb
from crm.campaigns.v1 import campaign_service_pb2_grpc as campaign_grpc
from crm.campaigns.v1 import template_pb2
from crm.campaigns.v1 import template_service_pb2 as template_pb
from crm.campaigns.v1 import template_service_pb2_grpc as template_grpc
from crm.leads.v1 import audience_service_pb2_grpc, contact_pb2, contact_service_pb2_grpc

from chassis import db, errors
from chassis.context import Kind, Principal
from services.campaigns.clients import leads
from services.campaigns.clients.renderer import Renderer
from services.campaigns.config import Settings
from services.campaigns.domain.clock import utc_now
from services.campaigns.rpc.campaigns import CampaignServicer
from services.campaigns.rpc.templates import TemplateServicer
from tests.integration.campaigns.house import House, Senders
from tests.integration.campaigns.scripted_leads import SERVICE, ScriptedLeads, Tokens
from tests.integration.campaigns.test_campaigns_unreached import a_run_that_ended, asking
from tests.integration.conftest import Serve
from tests.integration.serving import Served, refused

TEAM = str(uuid4())
PRINTS_ALL = (
    "{{ display_name | default('-') }} {{ email | default('-') }} {{ phone | default('-') }}"
    " {{ province | default('-') }} {{ ward | default('-') }} {{ birthday | default('-') }}"
)
PRIVATE = {
    "emails": [contact_pb2.Email(address="an@example.vn", primary=True)],
    "phones": [contact_pb2.Phone(number="+84912345678", primary=True)],
    "address": contact_pb2.Address(province="Huế", ward="Phú Hội"),
    "birthday": contact_pb2.PartialDate(day=1, month=11),
}
HIDEABLE = frozenset(
    f"contacts.{it}" for it in ("phones", "emails", "address", "birthday", "description")
)


@dataclass
class Desk:
    """Campaigns with leads behind it that knows who asks."""

    house: House
    leads: ScriptedLeads
    tokens: Tokens
    served: Served

    def reader(self, level: str | None = None, kind: Kind = "user", **more: Any) -> Principal:
        """Somebody who reads all campaigns and templates, and contacts of a level."""
        rights = {"campaigns": {"read": "all"}, "templates": {"read": "all"}}
        if level is not None:
            rights["contacts"] = {"read": level}
        made = Principal(str(uuid4()), kind, rights=rights, **more)
        self.tokens.known[made.subject] = made
        return made

    async def review(
        self, who: Principal, campaign_id: str, size: int = 10
    ) -> pb.ReviewCampaignResponse:
        stub = campaign_grpc.CampaignServiceStub(self.served.as_(who))
        request = pb.ReviewCampaignRequest(id=campaign_id, sample_size=size)
        return await stub.ReviewCampaign(request)

    async def preview(self, who: Principal, contact_id: str) -> template_pb2.RenderedMessage:
        stub = template_grpc.TemplateServiceStub(self.served.as_(who))
        draft = template_pb2.Template(
            channel=template_pb2.CHANNEL_EMAIL, subject=PRINTS_ALL, html="<p>x</p>"
        )
        request = template_pb.PreviewTemplateRequest(template=draft, contact_id=contact_id)
        return await stub.PreviewTemplate(request)

    async def campaign(self) -> str:
        """A campaign that prints whatever it can, to everybody."""
        template = await self.house.template(subject=PRINTS_ALL)
        return (await self.house.campaign(template_id=template.id)).id


@pytest.fixture
async def desk(
    settings: Settings, sessions: db.Sessions, serve: Serve, house: House, senders: Senders
) -> Desk:
    """Campaigns as it is, a notifier as tests say, and leads over gRPC."""
    # The generated bases leave the calls that no test makes abstract to the type checker only.
    kind: Callable[[], ScriptedLeads] = ScriptedLeads
    scripted = kind()
    behind = await serve(
        settings,
        "leads",
        [
            (audience_service_pb2_grpc.add_AudienceServiceServicer_to_server, scripted),
            (contact_service_pb2_grpc.add_ContactServiceServicer_to_server, scripted),
        ],
    )
    tokens: Any = Tokens(behind)
    people = leads.connect(settings, behind.address, tokens)
    renderer, seal = Renderer(), settings.seal_key
    served = await serve(
        settings,
        "campaigns",
        [
            (
                campaign_grpc.add_CampaignServiceServicer_to_server,
                CampaignServicer(sessions, people, senders, renderer, utc_now, seal),
            ),
            (
                template_grpc.add_TemplateServiceServicer_to_server,
                TemplateServicer(sessions, renderer, people, utc_now, seal),
            ),
        ],
    )
    return Desk(house, scripted, tokens, served)


def names(found: pb.ReviewCampaignResponse) -> list[str]:
    return [it.subject.removeprefix("Chào ").partition(" ")[0] for it in found.samples]


class TestAReview:
    async def test_its_samples_are_of_people_whom_the_reader_may_read(self, desk: Desk) -> None:
        lan = desk.reader("own")
        for name, owner in (("An", str(uuid4())), ("Ba", lan.subject), ("Cam", "")):
            desk.leads.contact(name, *filter(None, [owner]))

        found = await desk.review(lan, await desk.campaign())

        assert (found.audience, found.planned) == (3, 3)
        assert names(found) == ["Ba"]

    async def test_those_are_looked_for_beyond_the_first_of_the_audience(self, desk: Desk) -> None:
        lan = desk.reader("team", team_id=TEAM)
        for number in range(120):
            desk.leads.contact(f"N{number}", str(uuid4()))
        for name in ("Ba", "Cam", "Dung"):
            desk.leads.contact(name, team=TEAM)

        found = await desk.review(lan, await desk.campaign(), size=2)

        assert found.planned == 123
        assert names(found) == ["Ba", "Cam"]

    async def test_of_whom_a_run_did_not_reach_too(self, desk: Desk) -> None:
        run = await a_run_that_ended(desk.house)
        campaign = await desk.house.campaigns.DraftResend(asking(run))
        lan = desk.reader("own")
        rows = await desk.house.rows(
            "SELECT contact_id::text FROM recipients WHERE run_id = :run ORDER BY ordinal",
            run=run.id,
        )
        for place, (contact_id,) in enumerate(rows):
            made = desk.leads.contact(f"N{place}", *([lan.subject] if place == 2 else []))
            made.id = str(contact_id)

        found = await desk.review(lan, campaign.id)

        assert found.planned > 1
        assert names(found) == ["N2"]

    async def test_who_may_read_nobody_gets_the_counts_alone(self, desk: Desk) -> None:
        desk.leads.contact("An", **PRIVATE)

        found = await desk.review(desk.reader(), await desk.campaign())

        assert (found.audience, found.planned) == (1, 1)
        assert (list(found.samples), found.max_segments) == ([], 0)

    async def test_who_may_read_everybody_sees_anybody(self, desk: Desk) -> None:
        desk.leads.contact("An", str(uuid4()), **PRIVATE)

        (sample,) = (await desk.review(desk.reader("all"), await desk.campaign())).samples

        assert sample.address == "an@example.vn"
        assert sample.subject == "An an@example.vn +84912345678 Huế Phú Hội 01/11"

    @pytest.mark.parametrize("level", ["all", "own"])
    async def test_what_their_role_hides_is_not_in_it(self, desk: Desk, level: str) -> None:
        blind = desk.reader(level, hidden=HIDEABLE)
        desk.leads.contact("An", blind.subject, **PRIVATE)

        (sample,) = (await desk.review(blind, await desk.campaign())).samples

        assert (sample.address, sample.subject) == ("", "An - - - - -")

    async def test_who_is_called_by_an_address_has_no_name_then(self, desk: Desk) -> None:
        desk.leads.contact("an@example.vn", **PRIVATE)
        blind = desk.reader("all", hidden=frozenset({"contacts.emails"}))

        (sample,) = (await desk.review(blind, await desk.campaign())).samples

        assert sample.subject == "- - +84912345678 Huế Phú Hội 01/11"

    async def test_a_program_sees_no_further_than_its_token(self, desk: Desk) -> None:
        program = desk.reader("all", kind="client")
        desk.leads.contact("An", str(uuid4()))
        desk.leads.contact("Ba", program.subject)
        narrowed = replace(program, rights={**program.rights, "contacts": {"read": "own"}})

        found = await desk.review(narrowed, await desk.campaign())

        assert (found.planned, names(found)) == (2, ["Ba"])

    async def test_it_is_refused_to_whom_nothing_may_be_done_for_any_more(self, desk: Desk) -> None:
        lan = desk.reader("own")
        desk.tokens.known.clear()

        with refused(errors.PermissionDenied, "ON_BEHALF_OF_REFUSED"):
            await desk.review(lan, await desk.campaign())


class TestAPreview:
    @pytest.mark.parametrize("kind", ["user", "client"])
    async def test_somebody_out_of_reach_is_not_there(self, desk: Desk, kind: Kind) -> None:
        who = desk.reader("own", kind)
        theirs = desk.leads.contact("An", str(uuid4()), **PRIVATE)

        with refused(errors.NotFound, "RESOURCE_MISSING") as refusal:
            await desk.preview(who, theirs.id)

        assert refusal.error.metadata["resource"] == "contact"

    @pytest.mark.parametrize("kind", ["user", "client"])
    async def test_ones_own_is_shown(self, desk: Desk, kind: Kind) -> None:
        who = desk.reader("own", kind)
        mine = desk.leads.contact("An", who.subject, **PRIVATE)

        shown = await desk.preview(who, mine.id)

        assert shown.subject == "An an@example.vn +84912345678 Huế Phú Hội 01/11"
        assert desk.leads.asked_for == [who.subject]

    async def test_a_colleagues_is_shown_to_the_team(self, desk: Desk) -> None:
        colleague = desk.leads.contact("An", str(uuid4()), team=TEAM)

        shown = await desk.preview(desk.reader("team", team_id=TEAM), colleague.id)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await desk.preview(desk.reader("team", team_id=str(uuid4())), colleague.id)

        assert shown.subject == "An - - - - -"

    @pytest.mark.parametrize("kind", ["user", "client"])
    async def test_what_a_role_hides_is_not_in_it(self, desk: Desk, kind: Kind) -> None:
        an = desk.leads.contact("An", **PRIVATE)

        shown = await desk.preview(desk.reader("all", kind, hidden=HIDEABLE), an.id)

        assert shown.subject == "An - - - - -"

    @pytest.mark.parametrize("kind", ["user", "client"])
    async def test_without_the_right_to_read_contacts_it_is_refused(
        self, desk: Desk, kind: Kind
    ) -> None:
        an = desk.leads.contact("An")

        with refused(errors.PermissionDenied, "RIGHT_MISSING") as refusal:
            await desk.preview(desk.reader(None, kind), an.id)

        assert refusal.error.metadata["resource"] == "contacts"

    @pytest.mark.parametrize(
        ("narrow", "kind", "reason"),
        [
            ({"contacts": {"read": "own"}}, errors.NotFound, "RESOURCE_MISSING"),
            ({}, errors.PermissionDenied, "RIGHT_MISSING"),
        ],
    )
    async def test_a_program_reads_no_further_than_its_token(
        self, desk: Desk, narrow: dict[str, Any], kind: type[errors.Error], reason: str
    ) -> None:
        program = desk.reader("all", "client")
        an = desk.leads.contact("An", str(uuid4()))
        narrowed = replace(program, rights={"templates": {"read": "all"}, **narrow})

        with refused(kind, reason):
            await desk.preview(narrowed, an.id)

    async def test_a_service_reads_anybody(self, desk: Desk) -> None:
        an = desk.leads.contact("An", str(UUID(int=1)))

        assert (await desk.preview(SERVICE, an.id)).subject == "An - - - - -"
