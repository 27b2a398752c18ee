"""Settings of the gateway."""

from pathlib import Path
from typing import Self

import pydantic
from pydantic import Field, SecretStr

from chassis import config


class Settings(config.Settings):
    """Where to listen, which peers to call, and the limits of one replica."""

    listen: str = "127.0.0.1:8080"
    """Where browsers and API clients are answered; /metrics and the probes are on `http_listen`."""

    public_url: str = "http://127.0.0.1:8080"
    """How people reach this gateway, without a path; links and the check of origins use it."""

    public_tls_cert_file: Path | None = None
    """The certificate that whoever ends TLS in front shows: only its expiry is told, in metrics."""

    security_contact: str = Field(default="", pattern=r"^((mailto:|https://)[^\s]+)?$")
    """`mailto:` or `https:` of who is to be told of a weakness; in /.well-known/security.txt."""

    threads: int = Field(default=24, ge=2, le=512)
    """Requests answered at once; watching a run holds one, see `watch_max`."""

    receive_seconds: float = Field(default=10.0, gt=0)
    """How long is waited for the head of a request, or a body; each 8 KB of it buy a second."""

    send_seconds: float = Field(default=60.0, gt=0)
    """How long a client may take to read a piece of an answer, before it is taken for gone."""

    trusted_proxies: int = Field(default=0, ge=0, le=8)
    """How many proxies in front set X-Forwarded-*; more than there are lets clients lie."""

    cookie_secure: bool = True
    """Session cookies over HTTPS only; false is for a laptop."""

    leads_address: str
    """host:port of the leads service."""

    interactions_address: str
    """host:port of the interactions service."""

    campaigns_address: str
    """host:port of the campaigns service."""

    notifier_address: str
    """host:port of the home region's notifier."""

    accounts_address: str
    """host:port of the accounts service."""

    issuer_url: str
    """HTTP base of accounts, where the gateway's own tokens come from."""

    client_id: str = "gateway"
    """The gateway's own identity, for sign-in, sessions and unsubscribing."""

    client_secret: SecretStr
    """Proves `client_id` to accounts."""

    grpc_tls_cert_file: Path | None = None
    """With key and CA: mutual TLS towards every peer."""

    grpc_tls_key_file: Path | None = None
    """See `grpc_tls_cert_file`; all three or none."""

    grpc_tls_ca_file: Path | None = None
    """The authority that peers' certificates must come from."""

    grpc_max_message_bytes: int = Field(default=32 * 1024 * 1024, ge=64 * 1024)
    """Bounds the memory that one answer of a peer can take; a page of templates is megabytes."""

    call_seconds: float = Field(default=10.0, gt=0)
    """How long a peer may take for one answer."""

    upload_seconds: float = Field(default=600.0, gt=0)
    """How long an upload may take; a slow line needs minutes for a large file."""

    watch_seconds: float = Field(default=25.0, gt=0)
    """How long one event stream lasts before the browser opens the next."""

    watch_max: int = Field(default=8, ge=0)
    """Event streams at once; the next is told to come back, so that pages keep their threads."""

    body_max_bytes: int = Field(default=1024 * 1024, ge=1024)
    """Largest request body but for uploads."""

    upload_max_bytes: int = Field(default=200 * 1024 * 1024, ge=1024)
    """Largest file for an import."""

    session_cache_seconds: float = Field(default=5.0, ge=0, le=60)
    """How long a session's token is kept: one that was ended elsewhere lives on for this long."""

    sign_in_per_minute: int = Field(default=20, ge=1)
    """Tries to sign in or to get a token, per address and replica."""

    portal_sign_ins_per_minute: int = Field(default=120, ge=1)
    """As `sign_in_per_minute`, of customers: those of one mobile network share few addresses."""

    organisation_name: str = Field(default="", max_length=80)
    """What customers know the house by, shown on pages of theirs; nothing is shown without it."""

    api_requests_per_minute: int = Field(default=600, ge=1)
    """REST requests of a person or program, per replica; a program may have a limit of its own."""

    sign_ins_max: int = Field(default=8, ge=1)
    """Sign-ins that wait at once; the next is told to come back, so that pages keep threads."""

    public_per_minute: int = Field(default=600, ge=1)
    """Visits of public links per address and replica; mail providers post from few addresses."""

    @pydantic.model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        given = {self.grpc_tls_cert_file, self.grpc_tls_key_file, self.grpc_tls_ca_file}
        if None in given and given != {None}:
            raise ValueError("give grpc_tls_cert_file, _key_file and _ca_file, or none of them")
        return self

    @pydantic.field_validator("public_url")
    @classmethod
    def _without_slash(cls, given: str) -> str:
        return given.rstrip("/")

    def peers(self) -> dict[str, str]:
        """Address (host:port) by name of the service."""
        return {
            "leads": self.leads_address,
            "interactions": self.interactions_address,
            "campaigns": self.campaigns_address,
            "notifier": self.notifier_address,
            "accounts": self.accounts_address,
        }
