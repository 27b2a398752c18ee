"""SMTP: a pool of pipelining sessions that know what was written."""

from services.notifier.channels.smtp.pool import SmtpWire
from services.notifier.channels.smtp.session import Peer

__all__ = ["Peer", "SmtpWire"]
