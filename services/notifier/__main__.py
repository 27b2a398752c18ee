"""Runs the notifier."""

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import unquote, urlsplit

from chassis import app, db
from chassis.db.outbox import Class
from chassis.events.connection import Connection
from chassis.events.relay import Relay
from chassis.rpc.tokens import TokenSource
from services import rights
from services.notifier import clients, consumers, rpc, stages
from services.notifier.channels import smpp, smtp, turns
from services.notifier.channels.wire import Wire
from services.notifier.config import Settings
from services.notifier.domain import throttling
from services.notifier.storage import erasing
from services.notifier.usecases import rulebook
from services.notifier.usecases.gating import Standards
from services.notifier.workers.engine import Engine
from services.notifier.workers.gauges import Gauges
from services.notifier.workers.heartbeats import Heartbeats
from services.notifier.workers.receipts import Keeper
from services.notifier.workers.replies import Replies
from services.notifier.workers.retention import Retention
from services.notifier.workers.sweeps import Sweeper

PACKAGE = "services.notifier"


async def main(settings: Settings) -> None:
    """Wires the parts and serves."""
    sessions = db.sessions(settings, "notifier")
    nats = Connection(settings, "notifier")
    contents = clients.contents(settings, settings.campaigns_address, TokenSource(settings))
    heartbeats = Heartbeats(sessions)
    engines = [Engine(settings, sessions, wire) for wire in wires(settings, sessions)]

    def nudge() -> None:
        for engine in engines:
            engine.nudge()

    straight = [engine.take for engine in engines]
    taker = consumers.Bulk(settings, sessions, contents, nudge, straight)
    nats.start()
    await app.run(
        settings,
        "notifier",
        contract=rights,
        servicers=rpc.servicers(settings, sessions, engines),
        background=[
            *engines,
            Sweeper(settings, sessions),
            Gauges(sessions),
            Retention(settings, sessions),
            heartbeats,
            consumers.bulk(settings, nats, sessions, taker),
            consumers.control(settings, nats, sessions, heartbeats.note),
            *(relay(sessions, nats, cls) for cls in Class),
        ],
        ready=[db.check(sessions), db.revision_check(sessions, PACKAGE), nats.check],
        closing=[nats.close],
        prunes=[partial(erasing.late, limit=1_000)],
    )


def relay(sessions: db.Sessions, nats: Connection, cls: Class) -> Callable[[], Awaitable[None]]:
    """The relay of a class, its processor time counted."""
    made = Relay(sessions, nats, cls)

    async def run() -> None:
        await stages.during("relay", made())

    run.__qualname__ = made.__qualname__
    return run


def wires(settings: Settings, sessions: db.Sessions) -> list[Wire]:
    """A wire for each provider the settings name."""
    found: list[Wire] = []
    if settings.smtp_url:
        found.append(
            smtp.SmtpWire(
                smtp_peer(settings),
                connections=settings.smtp_connections,
                window=settings.smtp_window,
                per_connection=settings.smtp_messages_per_connection,
                waiting=turns.line(throttling.at_once(settings.email_domain_at_once)),
            )
        )
    if settings.smpp_url:
        keeper = Keeper(sessions, "smpp")
        standards = Standards(
            rulebook.load(settings.rules_file),
            settings.default_time_zone,
            settings.mac_key.get_secret_value().encode(),
        )
        found.append(
            smpp.SmppWire(
                smpp_peer(settings),
                keeper.keep,
                Replies(sessions, standards).hear,
                binds=settings.smpp_binds,
                window=settings.smpp_window,
            )
        )
    return found


def smtp_peer(settings: Settings) -> smtp.Peer:
    """The mail server of the settings."""
    url = urlsplit(settings.smtp_url)
    tls = url.scheme == "smtps"
    return smtp.Peer(
        host=url.hostname or "127.0.0.1",
        port=url.port or (465 if tls else 25),
        domain=settings.mail_domain,
        tls=tls,
        starttls=settings.smtp_starttls,
        user=unquote(url.username or ""),
        password=settings.smtp_password.get_secret_value(),
        ca_file=str(settings.smtp_ca_file) if settings.smtp_ca_file else None,
        connect_seconds=settings.smtp_connect_seconds,
        command_seconds=settings.smtp_command_seconds,
        final_seconds=settings.smtp_final_seconds,
    )


def smpp_peer(settings: Settings) -> smpp.Peer:
    """The SMSC of the settings."""
    url = urlsplit(settings.smpp_url)
    return smpp.Peer(
        host=url.hostname or "127.0.0.1",
        port=url.port or 2775,
        system_id=unquote(url.username or "mekong"),
        password=settings.smpp_password.get_secret_value(),
        response_seconds=settings.smpp_response_seconds,
        enquire_seconds=settings.smpp_enquire_seconds,
        id_form=settings.smpp_id_form,
    )


if __name__ == "__main__":
    app.start("notifier", Settings, main, PACKAGE)
