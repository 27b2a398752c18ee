"""The six services as one machine runs them: their commands and their settings."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local import ports
from local.demo import content
from local.home import ROOT, Home
from local.nats import Nats
from local.postgres import Postgres

FIRST_USER = "admin@mekong.example"


@dataclass(frozen=True)
class Service:
    """One service of the house.

    `command` follows the interpreter; `peers` are the services whose address it is told;
    `has_database` means its own database, role and migrations, and gRPC. `settings` are for all
    its processes, `of_instance` for one of them, by its name.
    """

    name: str
    command: Sequence[str]
    peers: Sequence[str] = ()
    has_database: bool = True
    replicas: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    of_instance: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def instances(self) -> list[str]:
        """The names of its processes: the first is the service's own."""
        return [self.name, *(f"{self.name}-{n}" for n in range(2, self.replicas + 1))]


HOUSE: tuple[Service, ...] = (
    Service("accounts", ("-m", "services.accounts"), peers=("leads", "notifier")),
    Service(
        "leads",
        ("-m", "services.leads"),
        peers=("accounts", "interactions", "campaigns", "notifier"),
    ),
    Service(
        "interactions",
        ("-m", "services.interactions"),
        peers=("accounts", "leads", "campaigns", "notifier"),
    ),
    Service("campaigns", ("-m", "services.campaigns"), peers=("leads", "notifier")),
    Service("notifier", ("-m", "services.notifier"), peers=("campaigns",)),
    Service(
        "gateway",
        ("-m", "services.gateway"),
        peers=("accounts", "leads", "interactions", "campaigns", "notifier"),
        has_database=False,
    ),
)


class Environment:
    """What each process is told through its environment, and nothing more."""

    def __init__(
        self, home: Home, postgres: Postgres, nats: Nats, services: Sequence[Service] = HOUSE
    ) -> None:
        self._home = home
        self._replicas = {service.name: service.instances for service in services}
        self._postgres = postgres
        self._nats = nats

    def base(self) -> dict[str, str]:
        """The caller's environment without our settings: a service refuses those it lacks.

        Services keep what Python compiled, whatever the caller does: they are started often, and
        to compile them takes longer than all else they do before they serve.
        """
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("MEKONG_")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        kept["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "gen")])
        kept["PYTHONUNBUFFERED"] = "1"
        return kept

    def topology(self) -> dict[str, str]:
        """For the command that makes the broker's streams."""
        readers = json.dumps({name: [] for name in self._nats.subscribers})
        return {**self.base(), **self._broker(), "MEKONG_SUBSCRIBERS": readers}

    def of(self, service: Service, instance: str) -> dict[str, str]:
        """For one process of a service."""
        told = {
            "INSTANCE": instance,
            "HTTP_LISTEN": self._listen(f"{instance}-http"),
            "SEAL_KEY_FILE": str(self._home.secrets.file("seal_key")),
        }
        told |= {f"{peer.upper()}_ADDRESS": self.address(peer) for peer in service.peers}
        if service.has_database:
            told |= {
                "GRPC_LISTEN": self._listen(f"{instance}-grpc"),
                "DATABASE_URL": self.database_url(service.name),
            }
        told |= self._own(service.name, instance)
        own = {**service.settings, **service.of_instance.get(instance, {})}
        told |= {name.upper(): value for name, value in own.items()}
        settings = {f"MEKONG_{name}": value for name, value in told.items()}
        broker = self._broker() if service.has_database else {}
        return {**self.base(), **broker, **settings}

    def database_url(self, service: str) -> str:
        """The URL of a service's own database, as its own role."""
        password = self._home.secrets.text(f"database_{service}")
        return self._postgres.url(service, role=service, password=password)

    def address(self, service: str) -> str:
        """`host:port` of a service's gRPC: of each of its replicas, separated by commas."""
        replicas = self._replicas.get(service, [service])
        return ",".join(self._listen(f"{instance}-grpc") for instance in replicas)

    def http_url(self, instance: str) -> str:
        """The base of a process's probes and metrics."""
        return f"http://{self._listen(f'{instance}-http')}"

    def gateway_url(self) -> str:
        """Where people reach the web UI and the API."""
        return f"http://{self._listen('gateway')}"

    def _own(self, name: str, instance: str) -> dict[str, str]:
        """What only this service is told."""
        secrets = self._home.secrets
        if name == "accounts":
            return {
                "ISSUER_URL": self.http_url("accounts"),
                "PUBLIC_URL": self.gateway_url(),
                "KEY_ENCRYPTION_KEY_FILE": str(secrets.encryption_key_file("key_encryption_key")),
                "SERVICE_CLIENTS_FILE": str(secrets.service_clients_file()),
                "FIRST_USER_EMAIL": FIRST_USER,
                "ORGANISATION_NAME": content.ADVERTISER["name"],
                "FIRST_PASSWORD_FILE": str(secrets.directory / "first_password"),
            }
        identity = {
            "ISSUER_URL": self.http_url("accounts"),
            "CLIENT_ID": name,
            "CLIENT_SECRET_FILE": str(secrets.file(f"client_{name}")),
        }
        if name == "gateway":
            return identity | {
                "LISTEN": self._listen(instance),
                "PUBLIC_URL": self.gateway_url(),
                "COOKIE_SECURE": "false",  # plain HTTP on this machine
                "ORGANISATION_NAME": content.ADVERTISER["name"],
            }
        if name == "interactions":
            return identity | {
                "PUBLIC_URL": self.gateway_url(),
                "MAC_KEY_FILE": str(secrets.file("mac_key")),
            }
        if name == "notifier":
            return identity | {
                "PUBLIC_URL": self.gateway_url(),
                "MAC_KEY_FILE": str(secrets.file("mac_key")),
                "SMTP_URL": f"smtp://{self._listen('mail')}",
                "SMTP_STARTTLS": "never",
                "SMPP_URL": f"smpp://mekong@{self._listen('smpp')}",
            }
        return identity

    def _broker(self) -> dict[str, str]:
        return {
            "MEKONG_NATS_URL": self._nats.url,
            "MEKONG_NATS_MONITOR_URL": self._nats.monitor_url,
        }

    def _listen(self, name: str) -> str:
        return f"{ports.LOOPBACK}:{self._home.ports.get(name)}"


def interpreter() -> str:
    """The Python that runs us; its environment has what the services need."""
    return sys.executable
