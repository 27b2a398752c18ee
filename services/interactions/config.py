"""Settings of interactions."""

from uuid import UUID

from pydantic import Field, SecretStr

from chassis.config import ServiceSettings


class Settings(ServiceSettings):
    """What interactions needs besides what every service does."""

    client_id: str = "interactions"
    """The service's own identity, for calls to its peers."""

    leads_address: str
    """`host:port` of leads, asked about contacts that no event told of yet."""

    campaigns_address: str
    """`host:port` of campaigns, which knows what messages a contact got."""

    notifier_address: str
    """`host:port` of the home notifier, which sends for follow-ups and proposals."""

    accounts_address: str
    """`host:port` of accounts, which knows where colleagues read their mail."""

    staff_sender_identity_id: UUID | None = None
    """The notifier's identity that mails to staff are sent by; none go without it."""

    digest_hour: int = Field(default=8, ge=0, le=23)
    """When the clock of a colleague shows this hour, an e-mail tells what is unread and new."""

    digest_seconds: float = Field(default=60.0, gt=0)
    """How often whose turn has come is looked for; a digest goes this much late."""

    lease_seconds: float = Field(default=60.0, gt=1)
    """What a replica that was killed was handing over is taken up by another this much later."""

    retry_seconds: float = Field(default=5.0, gt=0)
    """While leads or the notifier are away, handing over is tried again so often."""

    open_seconds: float = Field(default=1.0, gt=0)
    """How often what is due is looked for; follow-ups open and messages go this much late."""

    requests_seconds: float = Field(default=30.0, gt=0)
    """How often requests of customers are looked for that are nobody's; they are told so late."""

    messages_seconds: float = Field(default=1.0, gt=0)
    """A timeline waits this long for campaigns, then is shown without messages and says so."""

    public_url: str
    """`https://host` that people reach the gateway by; links of proposals begin with it."""

    mac_key: SecretStr = Field(min_length=16)
    """Makes links of proposals unguessable; with another one, links sent before lead nowhere."""

    proposal_number_prefix: str = Field(default="BG", pattern=r"^[A-Z]{1,8}$")
    """Numbers of proposals begin with it: `BG-2026-00001`."""
