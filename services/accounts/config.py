"""Settings of the accounts service."""

import base64
import binascii
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import Field, SecretStr, field_validator, model_validator

from chassis.config import ServiceSettings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_private(url: str) -> bool:
    """Whether nobody between reads what is said to an address: HTTPS, or on this machine."""
    parts = urlsplit(url)
    loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or loopback)


class Settings(ServiceSettings):
    """What accounts needs on top of every service."""

    client_id: str = "accounts"
    """Names this service, which signs its own tokens."""

    client_secret: SecretStr = SecretStr("")
    """Unused: accounts signs its own tokens."""

    key_encryption_key: SecretStr
    """32 bytes in base64 that seal signing keys and the keys of audited values at rest."""

    service_clients_file: Path
    """JSON {service name: SHA-256 of its secret in hexadecimal}; read again when it changes."""

    key_period_days: float = Field(default=30.0, gt=0)
    """How long a key signs; the next one is published that long before it is used."""

    token_seconds: int = Field(default=300, ge=30, le=3600)
    """Rights that were taken away live on this long in tokens already given."""

    session_hours: float = Field(default=12.0, gt=0)
    """A session ends this long after sign-in, however busy it is."""

    session_idle_minutes: float = Field(default=120.0, gt=0)
    """A session nobody uses for this long ends."""

    argon2_memory_kib: int = Field(default=65_536, ge=8)
    """Memory a password check takes; what makes guessing stolen hashes dear."""

    argon2_passes: int = Field(default=3, ge=1)
    """Passes over that memory."""

    argon2_threads: int = Field(default=2, ge=1)
    """Password checks at once; the others wait, so that sign-ins cannot take every core."""

    sign_in_failures_per_minute: int = Field(default=300, ge=1)
    """Refused sign-ins of all staff, or all customers, after which strangers wait for a minute."""

    notifier_address: str = ""
    """`host:port` of the home notifier, which mails links to choose a password."""

    public_url: str = ""
    """`https://host` that people reach the gateway by; links in mails begin with it."""

    staff_sender_identity_id: UUID | None = None
    """The notifier's identity that mails to staff are sent by; none go without it."""

    leads_address: str = ""
    """`host:port` of leads, which says whom of its contacts a caller may reach and how."""

    organisation_name: str = Field(default="", max_length=80)
    """What customers know the house by, as messages to them call it."""

    contact_email_identity_id: UUID | None = None
    """The notifier's identity that e-mails to customers are sent by: invitations and codes."""

    contact_sms_identity_id: UUID | None = None
    """The same for SMS; a channel without an identity is not offered."""

    portal_url: str = ""
    """`https://host` that customers reach the portal by; `public_url` when empty."""

    contact_codes_per_minute: int = Field(default=300, ge=1)
    """Codes that customers of the whole installation may ask for in a minute."""

    lease_seconds: float = Field(default=60.0, gt=1)
    """What a replica that was killed was handing over is taken up by another this much later."""

    letters_seconds: float = Field(default=1.0, gt=0)
    """How often links that are to be mailed are looked for; they go this much late."""

    password_resets_per_minute: int = Field(default=60, ge=1)
    """Links the whole installation may ask for, after which all wait for the next minute."""

    first_user_email: str = "admin@mekong.example"
    """The first administrator, made when there is no user yet."""

    first_password_file: Path | None = None
    """Also write the first administrator's password here (mode 0600), for a local runner."""

    oidc_issuer: str = ""
    """The OpenID provider that staff may sign in at, as it calls itself (`https://…`)."""

    oidc_client_id: str = ""
    """What the provider knows this house as."""

    oidc_client_secret: SecretStr = SecretStr("")
    """Proves `oidc_client_id` to the provider."""

    oidc_label: str = Field(default="SSO", min_length=1, max_length=40)
    """How the provider is called on the button of the sign-in page."""

    oidc_email_domains: str = ""
    """Domains, separated by commas, whose addresses may link to a user; any if empty."""

    oidc_link_by_email: bool = True
    """Whoever has a user's address, verified by the provider, is that user from then on."""

    oidc_second_factor: bool = False
    """Ask for our second factor too; without it that is the provider's business."""

    audit_head_file: Path | None = None
    """The audit chain's head is appended here each hour; keep it where nobody can change it."""

    @field_validator("key_encryption_key")
    @classmethod
    def _key_has_256_bits(cls, value: SecretStr) -> SecretStr:
        try:
            key = base64.b64decode(value.get_secret_value(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32:
            raise ValueError("must be 32 bytes in base64")
        return value

    @model_validator(mode="after")
    def _mails_can_go(self) -> Self:
        if self.staff_sender_identity_id and not (self.notifier_address and self.public_url):
            raise ValueError("staff_sender_identity_id needs notifier_address and public_url")
        return self

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        if not self.oidc_issuer:
            return self
        if not is_private(self.oidc_issuer):
            raise ValueError("oidc_issuer must begin with https://")
        if not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError("oidc_issuer needs oidc_client_id and oidc_client_secret")
        if not self.public_url:
            raise ValueError("oidc_issuer needs public_url")
        return self

    @model_validator(mode="after")
    def _customers_are_reached(self) -> Self:
        needed = (self.notifier_address, self.leads_address, self.portal_url or self.public_url)
        if (self.contact_email_identity_id or self.contact_sms_identity_id) and not all(needed):
            raise ValueError(
                "contact_email_identity_id and contact_sms_identity_id need notifier_address,"
                " leads_address and portal_url or public_url"
            )
        return self

    def encryption_key(self) -> bytes:
        """Returns the 32 bytes of `key_encryption_key`."""
        return base64.b64decode(self.key_encryption_key.get_secret_value())
