"""DKIM: signatures of mails, by keys that lie in files."""

from services.notifier.channels.dkim.folder import Folder
from services.notifier.channels.dkim.keys import Keys, read
from services.notifier.channels.dkim.relaxed import body_digest, canonical, relaxed
from services.notifier.channels.dkim.signer import Signer

__all__ = ["Folder", "Keys", "Signer", "body_digest", "canonical", "read", "relaxed"]
