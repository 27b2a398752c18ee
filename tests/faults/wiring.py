"""A house whose parts reach each other through proxies, one for each two of them."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from local import ports
from local.home import Home
from local.nats import Nats
from local.postgres import Postgres
from local.services import Environment
from tests.faults.proxy import Proxies, Proxy

SERVERS = ("postgres", "nats", "mail", "smpp")

# Whom each process reaches through a proxy of its own, a service through one for each of its
# replicas; it reaches others directly.
PAIRS: Mapping[str, Sequence[str]] = {
    "notifier": ("postgres", "nats", "mail", "smpp", "campaigns"),
    "notifier-2": ("postgres", "nats", "mail", "smpp", "campaigns"),
    "campaigns": ("postgres", "nats", "leads", "notifier"),
    "campaigns-2": ("postgres", "nats", "leads", "notifier"),
    "leads": ("postgres", "nats"),
    "leads-2": ("postgres", "nats"),
    "interactions": ("postgres", "nats", "leads", "campaigns", "notifier"),
    "interactions-2": ("postgres", "nats", "leads", "campaigns", "notifier"),
    "gateway": ("leads", "campaigns", "notifier"),
    "gateway-2": ("leads", "campaigns", "notifier"),
}


def settings(home: Path, proxies: Proxies) -> Iterable[str]:
    """Add the proxies of `home`; yields `NAME.SETTING=VALUE` for `--set`, in their order.

    The ports and secrets of the house are chosen here; it finds and uses them when it starts.
    """
    made = Home(home, os.environ)
    postgres = Postgres(
        made.data / "postgres",
        made.secrets.text("database_password"),
        port=made.ports.get("postgres"),
    )
    nats = Nats(
        made.data / "nats",
        made.secrets.text("nats_password"),
        port=made.ports.get("nats"),
        monitor_port=made.ports.get("nats-monitor"),
    )
    upstreams = (*SERVERS, *(f"{it}-grpc" for it in PAIRS))
    proxies.avoid([nats.monitor_port, *map(made.ports.get, upstreams)])
    told = Environment(made, postgres, nats)
    for who, whoms in PAIRS.items():
        for whom in whoms:
            replicas = [it for it in PAIRS if it.partition("-")[0] == whom] or [whom]
            through = [
                proxies.add(f"{who}>{it}", made.ports.get(it if it in SERVERS else f"{it}-grpc"))
                for it in replicas
            ]
            match whom:
                case "postgres":
                    url = told.database_url(who.partition("-")[0])
                    value = "database_url=" + _instead(url, postgres.port, through[0])
                case "nats":
                    value = "nats_url=" + _instead(nats.url, nats.port, through[0])
                case "mail":
                    value = f"smtp_url=smtp://{through[0].address}"
                case "smpp":
                    value = f"smpp_url=smpp://mekong@{through[0].address}"
                case _:
                    value = f"{whom}_address={','.join(it.address for it in through)}"
            yield f"{who}.{value}"


def check(home: Path, proxies: Proxies) -> None:
    """Raise `AssertionError` unless every proxy leads to where its part listens now."""
    listening = json.loads((home / "ports.json").read_text())
    for who, whoms in PAIRS.items():
        for proxy in (it for whom in whoms for it in proxies.named(who, whom)):
            part = proxy.name.partition(">")[2]
            assert proxy.upstream == listening[part if part in SERVERS else f"{part}-grpc"], part


def _instead(url: str, port: int, proxy: Proxy) -> str:
    address = f"{ports.LOOPBACK}:{port}"
    if address not in url:
        raise ValueError(url)
    return url.replace(address, proxy.address)
