"""The settings of leads."""

from pathlib import Path

from chassis.config import ServiceSettings


class Settings(ServiceSettings):
    """What every service has, and what seals personal columns; leads asks no other service."""

    field_keys_file: Path | None = None
    """Lines of an id and 32 bytes in base64 that seal personal columns; the first seals, the others
    open. Read again when it changes."""
