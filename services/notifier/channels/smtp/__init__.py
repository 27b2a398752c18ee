"""SMTP: a pool of pipelining sessions that know what was written."""

from services.notifier.channels.smtp.pool import SmtpWire
from services.notifier.channels.smtp.session import Peer, Session

__all__ = ["Peer", "Session", "SmtpWire"]
