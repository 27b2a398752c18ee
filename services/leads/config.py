"""The settings of leads."""

from chassis.config import ServiceSettings


class Settings(ServiceSettings):
    """What every service has; leads asks no other service and needs no setting of its own."""
