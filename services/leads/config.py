"""The settings of leads."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from chassis.config import ServiceSettings


class Settings(ServiceSettings):
    """What every service has, what seals personal columns, and whom leads asks to erase people."""

    field_keys_file: Path | None = None
    """Lines of an id and 32 bytes in base64 that seal personal columns; the first seals, the others
    open. Read again when it changes."""

    client_id: str = "leads"
    """The service's own identity, for calls to its peers."""

    interactions_address: str = ""
    """`host:port` of interactions. Without it and the next three nobody can be erased."""

    campaigns_address: str = ""
    """`host:port` of campaigns."""

    notifier_address: str = ""
    """`host:port` of the home notifier."""

    accounts_address: str = ""
    """`host:port` of accounts."""

    further_notifiers: Annotated[tuple[str, ...], NoDecode] = ()
    """`host:port` of the notifiers of all further regions, separated by semicolons; while one is
    missing no erasure is done."""

    erasures_seconds: float = Field(default=1.0, gt=0)
    """How often erasures that are due are looked for."""

    erasure_settle_seconds: float = Field(default=60.0, gt=0)
    """An erasure is done when nothing was found twice, so far apart: longer than any call takes."""

    @property
    def knows_everybody(self) -> bool:
        """Whether it knows all who keep something of people."""
        return all(
            (
                self.interactions_address,
                self.campaigns_address,
                self.notifier_address,
                self.accounts_address,
            )
        )

    @field_validator("further_notifiers", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        return tuple(it.strip() for it in given.split(";") if it.strip())
