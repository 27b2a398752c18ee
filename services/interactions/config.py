"""Settings of interactions."""

from pydantic import Field

from chassis.config import ServiceSettings


class Settings(ServiceSettings):
    """What interactions needs besides what every service does."""

    client_id: str = "interactions"
    """The service's own identity, for calls to its peers."""

    leads_address: str
    """`host:port` of leads, asked about contacts that no event told of yet."""

    campaigns_address: str
    """`host:port` of campaigns, which knows what messages a contact got."""

    open_seconds: float = Field(default=1.0, gt=0)
    """How often follow-ups whose time has come are looked for; they open this much late."""

    messages_seconds: float = Field(default=1.0, gt=0)
    """A timeline waits this long for campaigns, then is shown without messages and says so."""
