"""What a test of campaigns needs: its stubs, and what its peers would answer."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import grpc
import uuid_utils.compat
from crm.campaigns.v1 import (
    campaign_pb2,
    campaign_service_pb2,
    campaign_service_pb2_grpc,
    run_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
    template_pb2,
    template_service_pb2,
    template_service_pb2_grpc,
)
from sqlalchemy import text

from chassis import db
from chassis.context import Principal
from chassis.errors import Unavailable
from chassis.scope import Scope
from services.campaigns.clients.leads import Leads, Sample, View
from services.campaigns.config import Settings
from services.campaigns.domain import planning
from services.campaigns.domain.campaigns import Audience
from services.campaigns.domain.clock import utc_now
from services.campaigns.domain.planning import Member
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import ExclusionReason
from services.campaigns.workers.planner import Planner
from tests.integration.campaigns.senders import ADVERTISER, IDENTITY, Senders
from tests.unit.campaigns.people import columns

_EVERYTHING = dict.fromkeys(("read", "write", "delete", "start", "export"), "all")
MARKETER = Principal(
    "01900000-0000-7000-8000-000000000001",
    "user",
    rights={
        "templates": _EVERYTHING,
        "campaigns": _EVERYTHING,
        "messages": {"read": "all"},
        "contacts": {"read": "all"},
    },
)
NOBODY = Principal("01900000-0000-7000-8000-000000000002", "user")


def member(ordinal: int, **given: object) -> Member:
    """Return a person of an audience who can be reached by e-mail, or as given."""
    values = {
        "ordinal": ordinal,
        "contact_id": uuid_utils.compat.uuid7().bytes,
        "address": f"Person{ordinal}@example.vn",
        "address_key": f"person{ordinal}@example.vn",
        "consented": True,
        "gone": False,
        "region": "vn",
        "time_zone": "Asia/Ho_Chi_Minh",
        "locale": "vi",
        "values": [f"Person {ordinal}"],
    }
    return Member(**(values | given))  # type: ignore[arg-type]


class People(Leads):
    """Leads as a test says: `members` is who is in every audience."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.contacts: dict[UUID, dict[str, str]] = {}
        self.is_away = False
        self.batch = 1_000
        self.frozen: list[UUID] = []
        self.released: list[UUID] = []
        self.given: dict[UUID, list[bytes]] = {}
        self.before_batch: Callable[[int], Awaitable[None]] | None = None

    async def sample(self, audience: Audience, view: View, size: int) -> Sample:
        """Return an audience of which everybody can be reached but who has no consent."""
        self._answer()
        everybody = self.members
        if audience.contact_ids:
            everybody = [
                it for it in everybody if str(UUID(bytes=it.contact_id)) in audience.contact_ids
            ]
        reachable = [it for it in everybody if it.consented]
        excluded = {ExclusionReason.NO_CONSENT: len(everybody) - len(reachable)}
        return Sample(len(everybody), len(reachable), excluded, reachable[:size])

    async def anybody(self, audience: Audience) -> bool:
        """Return whether a test said that anybody is there."""
        self._answer()
        return bool(self.members)

    async def freeze(self, run: Run) -> int:
        """Freeze everybody."""
        self._answer()
        self.frozen.append(run.id)
        return len(self.members)

    async def freeze_given(self, run_id: UUID, ids: AsyncIterator[bytes]) -> int:
        """Freeze whom campaigns chose; asked again, return who was frozen first."""
        self._answer()
        chosen = [each[at : at + 16] async for each in ids for at in range(0, len(each), 16)]
        return len(self.given.setdefault(run_id, chosen))

    async def stream(self, run: Run) -> AsyncGenerator[planning.People, None]:
        """Yield everybody after the cursor."""
        for start in range(run.plan.cursor, len(self._frozen(run.id)), self.batch):
            self._answer()
            if self.before_batch is not None:
                await self.before_batch(start)
            if some := self._frozen(run.id)[start : start + self.batch]:
                yield columns(some)

    def _frozen(self, run_id: UUID) -> list[Member]:
        """Who is in a run's audience: those campaigns named, or everybody."""
        if run_id not in self.given:
            return self.members
        known = {it.contact_id: it for it in self.members}
        return [
            known[it]._replace(ordinal=place)
            for place, it in enumerate(self.given[run_id], start=1)
        ]

    async def release(self, run_id: UUID) -> None:
        """Note who was let go."""
        self.released.append(run_id)

    async def values(self, contact_id: UUID, reach: Scope) -> dict[str, str] | None:
        """Return a contact's values; everybody is within reach."""
        self._answer()
        return self.contacts.get(contact_id)

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable("PEER_UNAVAILABLE", "leads is away", peer="leads")


@dataclass
class House:
    """The service under test; `call` makes a house that somebody else calls."""

    sessions: db.Sessions
    people: People
    senders: Senders
    settings: Settings
    channel: grpc.aio.Channel
    call: Callable[[Principal | None], "House"]

    def __post_init__(self) -> None:
        self.templates = template_service_pb2_grpc.TemplateServiceStub(self.channel)
        self.contents = template_service_pb2_grpc.ContentServiceStub(self.channel)
        self.campaigns = campaign_service_pb2_grpc.CampaignServiceStub(self.channel)
        self.runs = run_service_pb2_grpc.RunServiceStub(self.channel)

    async def template(self, **given: object) -> template_pb2.Template:
        """Store an e-mail template, or one as given."""
        values: dict[str, object] = {
            "name": f"Template {uuid4()}",
            "channel": template_pb2.CHANNEL_EMAIL,
            "subject": "Chào {{ display_name }}",
            "html": "<p>Chào {{ display_name }}</p>",
        }
        made = template_pb2.Template(**(values | given))  # type: ignore[arg-type]
        request = template_service_pb2.CreateTemplateRequest(template=made)
        return await self.templates.CreateTemplate(request)

    async def draft(self, **given: object) -> campaign_pb2.Campaign:
        """Return a campaign that can be created."""
        values: dict[str, object] = {
            "name": "Khai trương",
            "channel": template_pb2.CHANNEL_EMAIL,
            "purpose": template_pb2.PURPOSE_CARE,
            "advertiser_id": ADVERTISER,
            "sender_identity_id": IDENTITY,
            "audience": campaign_pb2.Audience(),
        } | given
        if "template_id" not in values:
            values["template_id"] = (await self.template()).id
        return campaign_pb2.Campaign(**values)  # type: ignore[arg-type]

    async def campaign(self, **given: object) -> campaign_pb2.Campaign:
        """Create a campaign."""
        request = campaign_service_pb2.CreateCampaignRequest(campaign=await self.draft(**given))
        return await self.campaigns.CreateCampaign(request)

    async def start(self, campaign_id: str, request_id: str = "") -> run_pb2.Run:
        """Start a campaign."""
        request = campaign_service_pb2.StartCampaignRequest(
            id=campaign_id, request_id=request_id or str(uuid4())
        )
        return await self.campaigns.StartCampaign(request)

    async def run_of(self, members: Sequence[Member], **given: object) -> run_pb2.Run:
        """Start a campaign to these people; nothing is planned yet."""
        self.people.members = list(members)
        return await self.start((await self.campaign(**given)).id)

    async def planned(self, members: Sequence[Member], **given: object) -> run_pb2.Run:
        """Start a campaign to these people and plan it."""
        run = await self.run_of(members, **given)
        await self.planner().round()
        return run

    def planner(self, instance: str = "p1", lease_seconds: float = 15.0) -> Planner:
        """Return a planner of its own process, so to say."""
        return Planner(
            self.sessions,
            self.people,
            utc_now,
            instance=instance,
            regions=self.settings.regions,
            lease_seconds=lease_seconds,
        )

    async def get(self, run: run_pb2.Run) -> run_pb2.Run:
        """Return a run as it is now; its counts always sum to the plan."""
        found = await self.runs.GetRun(run_service_pb2.GetRunRequest(id=run.id))
        assert found.planned == sum(value for _, value in found.counts.ListFields())
        assert found.audience == found.planned + sum(each.count for each in found.excluded)
        return found

    async def becomes(
        self, run: run_pb2.Run, condition: Callable[[run_pb2.Run], bool]
    ) -> run_pb2.Run:
        """Wait until the condition holds for a run, and return it."""
        found = await self.get(run)

        async def holds() -> bool:
            nonlocal found
            found = await self.get(run)
            return condition(found)

        await until(holds)
        return found

    def now(self) -> datetime:
        """Return the time in UTC."""
        return utc_now()

    async def rows(self, query: str, **given: object) -> list[tuple[object, ...]]:
        """Return what a query finds."""
        async with self.sessions.begin() as session:
            return [tuple(row) for row in await session.execute(text(query), given)]

    async def events(self) -> list[str]:
        """Return the subjects that wait to be published, oldest first."""
        found = await self.rows("SELECT subject FROM outbox WHERE class <> 'audit' ORDER BY id")
        return [str(row[0]).rpartition(".")[2] for row in found]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """Wait until the condition holds; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)
