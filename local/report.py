"""What a running house says of itself: addresses, process ids, where its secrets lie."""

from collections.abc import Mapping, Sequence
from typing import Any

from local import ports, stale
from local.home import Home
from local.nats import Nats
from local.postgres import Postgres
from local.process import Kept
from local.services import FIRST_USER, Environment, Service


def addresses(home: Home, services: Sequence[Service], told: Environment) -> dict[str, Any]:
    """Return where everything answers, and what it takes to enter."""
    owners = [service.name for service in services if service.has_database]
    return {
        "home": str(home.root),
        "gateway_url": told.gateway_url(),
        "inbox_url": f"http://{ports.LOOPBACK}:{home.ports.get('inbox')}",
        "mail_port": home.ports.get("mail"),
        "smpp_port": home.ports.get("smpp"),
        "token_url": f"{told.http_url('accounts')}/oauth2/token",
        "client_id": "demo",
        "client_secret_file": str(home.secrets.file("client_demo")),
        "first_user": FIRST_USER,
        "first_password_file": str(home.secrets.directory / "first_password"),
        "grpc": {name: told.address(name) for name in owners},
        "databases": {name: told.database_url(name) for name in owners},
    }


def processes(
    kept: Mapping[str, Kept],
    servers: Mapping[str, Postgres | Nats],
    services: Sequence[Service],
    told: Environment,
) -> dict[str, dict[str, Any]]:
    """Return {name: {pid, started, restarts, log, http_url}}; pid is None between two lives."""
    found: dict[str, dict[str, Any]] = {
        name: {"pid": it.pid, "restarts": it.restarts, "log": str(it.command.log)}
        for name, it in kept.items()
    }
    for name, server in servers.items():
        found[name] = {"pid": server.pid, "restarts": 0, "log": str(server.log)}
    for service in services:
        for instance in service.instances:
            if instance in found:
                found[instance]["http_url"] = told.http_url(instance)
    for process in found.values():
        process["started"] = stale.started(process["pid"])
    return found
