"""Channels and purposes, by the names they have in the contract."""

from enum import StrEnum


class Channel(StrEnum):
    """A way to reach a person."""

    SMS = "SMS"
    EMAIL = "EMAIL"


class Markup(StrEnum):
    """What the body of an e-mail is written in."""

    HTML = "HTML"
    MJML = "MJML"


class Purpose(StrEnum):
    """What a message is for; the law treats each differently."""

    MARKETING = "MARKETING"
    CARE = "CARE"
    TRANSACTIONAL = "TRANSACTIONAL"
    CONSENT_REQUEST = "CONSENT_REQUEST"

    @property
    def needs_consent(self) -> bool:
        """Whether the consent ledger must hold a consent before anything is planned."""
        return self in (Purpose.MARKETING, Purpose.CARE)
