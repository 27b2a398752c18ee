"""Settings of campaigns."""

import re
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from chassis.config import ServiceSettings


class Settings(ServiceSettings):
    """What campaigns needs besides what every service does."""

    client_id: str = "campaigns"
    """The service's own identity, for calls to its peers."""

    leads_address: str
    """`host:port` of leads, which knows who is in an audience."""

    notifier_address: str
    """`host:port` of the home notifier, which knows advertisers and sender identities."""

    regions: Annotated[tuple[str, ...], NoDecode] = ("vn",)
    """Regions that have a notifier, separated by commas; who belongs to none goes to the first."""

    planner_lease_seconds: float = Field(default=15.0, gt=1)
    """After a planner was killed, another goes on with its run this much later."""

    max_open_chunks: int = Field(default=20, ge=1)
    """500 times as many messages of a run may be open at a region; more blunt a pause."""

    silence_seconds: float = Field(default=300.0, gt=0)
    """After so long without news of a chunk its notifier is asked, and told again if need be."""

    complaints_pause_percent: float = Field(default=0.3, ge=0, le=100)
    """A run pauses itself when more of those it reached complained; 0: never. Gmail's and Yahoo's
    rules for bulk senders (2024): below 0.10 %, and never 0.30 % or more."""

    complaints_least_messages: int = Field(default=1_000, ge=1)
    """Not before it has reached so many: four complaints of a thousand pause, one of ten do not."""

    recipients_keep_days: int = Field(default=0, ge=0)
    """Rows of runs that ended longer ago are dropped by the day, but for a short one; 0: never."""

    poll_seconds: float = Field(default=1.0, gt=0)
    """Workers look for what another process left so often; what this one does wakes them."""

    watch_seconds: float = Field(default=0.25, gt=0)
    """Whoever watches a run sees a change this much later."""

    @field_validator("regions", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        names = given.split(",") if isinstance(given, str) else given
        if not isinstance(names, list | tuple):
            return given
        regions = tuple(str(name).strip() for name in names if str(name).strip())
        if not regions or not all(re.fullmatch(r"[a-z][a-z0-9-]{0,15}", it) for it in regions):
            raise ValueError("give region names separated by commas")
        return regions
