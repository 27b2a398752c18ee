"""SMS over SMPP 3.4: binds that know what was written and keep receipts before they answer."""

from services.notifier.channels.smpp.bind import Peer
from services.notifier.channels.smpp.wire import SmppWire

__all__ = ["Peer", "SmppWire"]
