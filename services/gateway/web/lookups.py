"""Names behind ids that pages show, asked once a request."""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from crm.accounts.v1 import (
    contact_login_pb2,
    contact_login_service_pb2,
    user_pb2,
    user_service_pb2,
)
from crm.accounts.v1.contact_login_service_pb2_grpc import ContactLoginServiceStub
from crm.accounts.v1.user_service_pb2_grpc import UserServiceStub
from crm.campaigns.v1 import (
    campaign_pb2,
    campaign_service_pb2,
    template_pb2,
    template_service_pb2,
)
from crm.campaigns.v1.campaign_service_pb2_grpc import CampaignServiceStub
from crm.campaigns.v1.template_service_pb2_grpc import TemplateServiceStub
from crm.interactions.v1 import agenda_pb2, agenda_service_pb2
from crm.interactions.v1.agenda_service_pb2_grpc import AgendaServiceStub
from crm.leads.v1 import (
    contact_pb2,
    contact_service_pb2,
    segment_pb2,
    segment_service_pb2,
    source_pb2,
    source_service_pb2,
)
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from crm.leads.v1.segment_service_pb2_grpc import SegmentServiceStub
from crm.leads.v1.source_service_pb2_grpc import LifeStageServiceStub, SourceServiceStub
from crm.notifier.v1 import suppression_pb2, suppression_service_pb2
from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceStub
from flask import g

from services.gateway.web import desk, words

MOST = 1000

T = TypeVar("T")


def _once(name: str, load: Callable[[], Sequence[T]], *, source: str) -> Sequence[T]:
    held: dict[str, Sequence[T]] = g.setdefault("lookups", {})
    if name not in held:
        held[name] = desk.maybe(load, source=source) or []
    return held[name]


def sources() -> Sequence[source_pb2.Source]:
    """Return the sources, by name; empty while leads is away."""
    asked = source_service_pb2.ListSourcesRequest(page_size=MOST, include_retired=True)
    return _once(
        "sources", lambda: desk.ask(SourceServiceStub).ListSources(asked).sources, source="leads"
    )


def stages() -> Sequence[source_pb2.LifeStage]:
    """Return the life stages, by position; empty while leads is away."""
    asked = source_service_pb2.ListLifeStagesRequest(page_size=MOST)
    return _once(
        "stages",
        lambda: desk.ask(LifeStageServiceStub).ListLifeStages(asked).life_stages,
        source="leads",
    )


def users() -> Sequence[user_pb2.User]:
    """Return the staff, by name; only oneself without the right to read users."""
    if "users" not in g:
        person = desk.me()
        found: Sequence[user_pb2.User] = []
        if person.may("users", "read"):
            asked = user_service_pb2.ListUsersRequest(page_size=MOST)
            found = _once(
                "users", lambda: desk.ask(UserServiceStub).ListUsers(asked).users, source="accounts"
            )
        g.users = found or [person.user]
    return cast("Sequence[user_pb2.User]", g.users)


def roles() -> Sequence[user_pb2.Role]:
    """Return the roles, by name."""
    asked = user_service_pb2.ListRolesRequest(page_size=MOST)
    return _once(
        "roles", lambda: desk.ask(UserServiceStub).ListRoles(asked).roles, source="accounts"
    )


def role_names() -> dict[str, str]:
    """Return what roles are called, by id; those that come with the system in the page's words."""
    return {
        it.id: words.known(desk.language(), f"role.{it.name}", it.name) if it.builtin else it.name
        for it in roles()
    }


def teams() -> Sequence[user_pb2.Team]:
    """Return the teams, by name."""
    asked = user_service_pb2.ListTeamsRequest(page_size=MOST)
    return _once(
        "teams", lambda: desk.ask(UserServiceStub).ListTeams(asked).teams, source="accounts"
    )


def segments() -> Sequence[segment_pb2.Segment]:
    """Return the segments, by name."""
    asked = segment_service_pb2.ListSegmentsRequest(page_size=MOST)
    return _once(
        "segments",
        lambda: desk.ask(SegmentServiceStub).ListSegments(asked).segments,
        source="leads",
    )


def advertisers() -> Sequence[suppression_pb2.Advertiser]:
    """Return the legal entities, by name."""
    asked = suppression_service_pb2.ListAdvertisersRequest(page_size=MOST)
    return _once(
        "advertisers",
        lambda: desk.ask(SenderServiceStub).ListAdvertisers(asked).advertisers,
        source="notifier",
    )


def sender_identities() -> Sequence[suppression_pb2.SenderIdentity]:
    """Return the sender identities of all channels."""
    asked = suppression_service_pb2.ListSenderIdentitiesRequest(page_size=MOST)
    return _once(
        "sender_identities",
        lambda: desk.ask(SenderServiceStub).ListSenderIdentities(asked).sender_identities,
        source="notifier",
    )


def templates() -> Sequence[template_pb2.Template]:
    """Return the templates of all channels, by name."""
    asked = template_service_pb2.ListTemplatesRequest(page_size=MOST)
    return _once(
        "templates",
        lambda: desk.ask(TemplateServiceStub).ListTemplates(asked).templates,
        source="campaigns",
    )


def contacts(ids: Sequence[str]) -> dict[str, contact_pb2.Contact]:
    """Return the contacts of `ids` that the reader may see."""
    wanted = sorted({it for it in ids if it})[:MOST]
    if not wanted:
        return {}
    asked = contact_service_pb2.BatchGetContactsRequest(ids=wanted)
    found = desk.maybe(
        lambda: desk.ask(ContactServiceStub).BatchGetContacts(asked).contacts, source="leads"
    )
    return {it.id: it for it in found or []}


def standings(ids: Sequence[str]) -> dict[str, agenda_pb2.Standing]:
    """Return where the contacts of `ids` stand; empty while interactions is away."""
    wanted = sorted({it for it in ids if it})[:MOST]
    if not wanted:
        return {}
    asked = agenda_service_pb2.BatchGetStandingsRequest(contact_ids=wanted)
    found = desk.maybe(
        lambda: desk.ask(AgendaServiceStub).BatchGetStandings(asked).standings,
        source="interactions",
    )
    return {it.contact_id: it for it in found or []}


def campaigns(ids: Sequence[str]) -> dict[str, campaign_pb2.Campaign]:
    """Return the campaigns of `ids`; empty while campaigns is away."""
    wanted = sorted({it for it in ids if it})[:MOST]
    if not wanted:
        return {}
    asked = campaign_service_pb2.BatchGetCampaignsRequest(ids=wanted)
    found = desk.maybe(
        lambda: desk.ask(CampaignServiceStub).BatchGetCampaigns(asked).campaigns,
        source="campaigns",
    )
    return {it.id: it for it in found or []}


def login(contact_id: str) -> contact_login_pb2.ContactLogin | None:
    """Return how a contact signs in to the portal; None for no login, or none to be seen."""
    if not desk.me().may("logins", "read"):
        return None
    asked = contact_login_service_pb2.ListContactLoginsRequest(
        contact_ids=[contact_id], page_size=1
    )
    found = desk.maybe(
        lambda: desk.ask(ContactLoginServiceStub).ListContactLogins(asked).contact_logins,
        source="accounts",
    )
    return found[0] if found else None


def segment_name(segment_id: str) -> str:
    """Return a segment's name; the beginning of the id for whom the reader may not see."""
    return next((it.name for it in segments() if it.id == segment_id), segment_id[:8])


def user_name(user_id: str) -> str:
    """Return a colleague's name; the beginning of the id for whom the reader may not see."""
    return next((it.display_name for it in users() if it.id == user_id), user_id[:8])


def team_name(team_id: str) -> str:
    """Return a team's name, empty for none."""
    return next((it.name for it in teams() if it.id == team_id), team_id[:8])


def source_name(source_id: str) -> str:
    """Return a source's name, empty for none."""
    return next((it.name for it in sources() if it.id == source_id), "")


def stage_name(stage_id: str) -> str:
    """Return a life stage's name, empty for none."""
    return next((it.name for it in stages() if it.id == stage_id), "")
