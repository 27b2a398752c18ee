"""The settings of the notifier."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from chassis.config import ServiceSettings

# For so long a caller's request id stands for its message: `storage.intake.forget_keys`.
KEYS_KEPT_DAYS = 35


class Settings(ServiceSettings):
    """What a notifier needs: its peers, its providers, its keys and its patience."""

    campaigns_address: str
    """`host:port` of campaigns, where contents come from."""

    public_url: str = Field(default="http://127.0.0.1:8080", pattern=r"^https?://[^\s]+$")
    """Base of the gateway's public pages, for unsubscribe links; https outside one machine."""

    mac_key: SecretStr = Field(min_length=16)
    """Signs unsubscribe links and return paths, and hashes addresses of erased people; links and
    hashes live as long as it does."""

    mail_domain: str = Field(default="mekong.localhost", pattern=r"^[A-Za-z0-9.-]{1,190}$")
    """Domain of Message-IDs and return paths; bounces must arrive there."""

    dkim_folder: Path | None = None
    """Folder of private keys, each a PEM file named `SELECTOR._domainkey.DOMAIN`: mails from that
    domain or one below it are signed with all keys of it; none signs nothing. Made by
    `python -m services.notifier.channels.dkim`; looked at again every two seconds."""

    smtp_url: str = Field(default="", pattern=r"^($|smtps?://.+)")
    """`smtp://[user@]host:port`, or `smtps` for TLS from the start; empty sends no e-mail."""

    smtp_password: SecretStr = SecretStr("")
    """For AUTH as the user in `smtp_url`, by PLAIN or LOGIN; never told without TLS."""

    smtp_starttls: Literal["never", "offered", "required"] = "offered"
    """`required` sends nothing in clear; `offered` does where the server has no STARTTLS; `never`
    is for peers on this machine whose certificate nobody can check."""

    smtp_ca_file: Path | None = None
    """The authority the mail server's certificate must come from; empty are this machine's."""

    smtp_connections: int = Field(default=20, ge=1, le=200)
    """Sessions per process; providers limit them."""

    smtp_window: int = Field(default=2_000, ge=1, le=10_000)
    """Most e-mails with an open attempt per process, about a third of a second's worth of them:
    what a crash can leave in doubt."""

    smtp_messages_per_connection: int = Field(default=500, ge=1)
    """A session is made anew after so many, which spreads load over a provider's servers."""

    smtp_connect_seconds: float = Field(default=10.0, gt=0)
    """How long a connection and its greeting may take."""

    smtp_command_seconds: float = Field(default=30.0, gt=0)
    """How long the answer to a command may take."""

    smtp_final_seconds: float = Field(default=600.0, gt=0)
    """How long the answer to the final dot may take; giving up earlier makes doubt."""

    email_max_per_second: int = Field(default=0, ge=0)
    """Limit of the e-mail provider over all replicas; 0 is none."""

    email_domain_limits: str = Field(
        default="", pattern=r"^$|^([a-z0-9.-]+=[1-9]\d{0,5}/s)(,[a-z0-9.-]+=[1-9]\d{0,5}/s)*$"
    )
    """Messages a second by recipients' domain over all replicas: `gmail.com=20/s,yahoo.com=5/s`.
    What is beyond is put off, others pass; a domain that complains is slowed down without it."""

    email_domain_at_once: str = Field(
        default="", pattern=r"^$|^([a-z0-9.-]+=[1-9]\d{0,3})(,[a-z0-9.-]+=[1-9]\d{0,3})*$"
    )
    """Most messages on their way at once by recipients' domain: `gmail.com=10,yahoo.com=5`. Held in
    each process by itself: what a domain allows is to be divided by the replicas."""

    smpp_url: str = Field(default="", pattern=r"^($|smpp://.+)")
    """`smpp://system_id@host:port`; empty sends no SMS."""

    smpp_password: SecretStr = SecretStr("")
    """For the bind as the system_id in `smpp_url`."""

    smpp_binds: int = Field(default=1, ge=1, le=20)
    """Sessions per process; providers limit them."""

    smpp_window: int = Field(default=500, ge=1, le=5_000)
    """Most SMS with an open attempt per bind: what a crash can leave in doubt."""

    smpp_response_seconds: float = Field(default=60.0, gt=0)
    """How long the answer to a submission may take; giving up earlier makes doubt."""

    smpp_enquire_seconds: float = Field(default=20.0, gt=0)
    """How often a quiet bind is asked whether it lives."""

    smpp_id_form: Literal["same", "receipt_decimal", "receipt_hex"] = "same"
    """How receipts write ids: as answers do, or decimal (hexadecimal) where answers do not."""

    sms_max_per_second: int = Field(default=0, ge=0)
    """Limit of the SMS provider over all replicas; 0 is none."""

    lease_seconds: float = Field(default=30.0, ge=2)
    """A dead worker's claims return after it; a stalled one writes nothing more."""

    control_max_age_seconds: float = Field(default=1.5, gt=0)
    """With older news of withdrawals and pauses than this, no MARKETING is claimed."""

    retry_deadline_seconds: float = Field(default=6 * 3600.0, gt=0)
    """A message refused for now is tried again for so long, then fails."""

    in_doubt_abandon_seconds: float = Field(default=24 * 3600.0, gt=0)
    """MARKETING and CARE in doubt for longer are given up, never sent again."""

    in_doubt_transactional: Literal["resend", "abandon"] = "resend"
    """`abandon` gives TRANSACTIONAL in doubt up like the rest: at most once, for everything."""

    in_doubt_resend_seconds: float = Field(default=300.0, gt=0)
    """TRANSACTIONAL in doubt for longer is sent again: at least once."""

    in_doubt_resends: int = Field(default=3, ge=1)
    """After so many doubts a TRANSACTIONAL message is not sent again by itself, but given up."""

    messages_keep_days: int = Field(default=0, ge=0)
    """Messages that ended longer ago are dropped by the day, but for a short row each; 0: never.
    At least 35, as long as a request may be asked again."""

    rules_file: str = ""
    """TOML of an operator's own rules instead of `services/notifier/rules/rules.toml`; checked at
    start."""

    default_time_zone: str = "Asia/Ho_Chi_Minh"
    """Judges sending hours for recipients whose time zone nobody knows."""

    home_country: str = Field(default="VN", pattern="^[A-Z]{2}$")
    """How phone numbers that support looks up are read when they do not say their country."""

    @field_validator("messages_keep_days")
    @classmethod
    def _outlives_requests(cls, given: int) -> int:
        if 0 < given < KEYS_KEPT_DAYS:
            raise ValueError(f"must be 0 (never) or at least {KEYS_KEPT_DAYS}")
        return given

    @property
    def unsubscribe_base(self) -> str:
        """What links to refuse by begin with."""
        return f"{self.public_url.rstrip('/')}/u/"

    def reach(self, point: str) -> None:
        """Ends the process like a power cut if `fault_points` names this place; tests only.

        `name:3` lets the place be passed twice and strikes the third time.
        """
        if not self.fault_points:
            return
        for entry in filter(None, self.fault_points.split(",")):
            name, _, nth = entry.partition(":")
            if name != point:
                continue
            _reached[point] = _reached.get(point, 0) + 1
            if _reached[point] >= int(nth or 1):
                os._exit(137)


_reached: dict[str, int] = {}
