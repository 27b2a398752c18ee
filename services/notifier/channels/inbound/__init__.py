"""Mails that come back: what a mail server hands over, understood. Nothing is ever answered."""

from services.notifier.channels.inbound.reading import read

__all__ = ["read"]
