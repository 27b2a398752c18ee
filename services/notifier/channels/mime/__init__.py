"""Mails as bytes: a skeleton made once for a sender, filled for each recipient."""

from services.notifier.channels.mime.composer import Composer, Draft, Mail
from services.notifier.channels.mime.enclosures import enclosure
from services.notifier.channels.mime.forms import LINK, Blank, Form
from services.notifier.channels.mime.words import encoded

__all__ = ["LINK", "Blank", "Composer", "Draft", "Form", "Mail", "enclosure", "encoded"]
