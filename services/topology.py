"""Every stream and consumer of the house; `python -m services.topology` applies them."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from chassis import config, logging
from chassis.events import topology
from chassis.events.connection import Connection
from chassis.events.topology import DAY, Consumer, Stream

SubscriberName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]

HEARTBEATS = "control.heartbeat.>"
LANES = ("bulk", "transactional")

CONTROL_EVENTS = (
    "crm.leads.v1.ConsentGiven",
    "crm.leads.v1.ConsentWithdrawn",
    "crm.notifier.v1.SuppressionAdded",
    "crm.notifier.v1.SuppressionRemoved",
    "crm.campaigns.v1.RunPaused",
    "crm.campaigns.v1.RunResumed",
    "crm.campaigns.v1.RunCancelled",
    "crm.accounts.v1.SessionRevoked",
)
FACTS_EVENTS = (
    "crm.leads.v1.ContactCreated",
    "crm.leads.v1.ContactUpdated",
    "crm.leads.v1.ContactDeleted",
    "crm.leads.v1.ContactLoginWanted",
    "crm.leads.v1.ContactsImported",
    "crm.leads.v1.ContactStageChanged",
    "crm.leads.v1.ContactConverted",
    "crm.leads.v1.TransactionsIngested",
    "crm.leads.v1.ConsentsImported",
    "crm.leads.v1.SegmentChanged",
    "crm.interactions.v1.FollowUpCreated",
    "crm.interactions.v1.FollowUpUpdated",
    "crm.interactions.v1.FollowUpDeleted",
    "crm.interactions.v1.InteractionLogged",
    "crm.interactions.v1.OccurrencesPlanned",
    "crm.interactions.v1.OccurrencesDropped",
    "crm.interactions.v1.NoteAdded",
    "crm.interactions.v1.ProposalSent",
    "crm.interactions.v1.ProposalViewed",
    "crm.interactions.v1.ProposalAccepted",
    "crm.interactions.v1.ProposalDeclined",
    "crm.interactions.v1.ProposalExpired",
    "crm.interactions.v1.RequestCreated",
    "crm.interactions.v1.RequestUpdated",
    "crm.campaigns.v1.RunStarted",
    "crm.campaigns.v1.RunPlanned",
    "crm.campaigns.v1.RunCompleted",
    "crm.campaigns.v1.CampaignChanged",
    "crm.notifier.v1.MessagesProgressed",
    "crm.notifier.v1.MessagesSettled",
    "crm.notifier.v1.AddressesFailed",
    "crm.notifier.v1.MessageComplained",
    "crm.accounts.v1.UserChanged",
    "crm.accounts.v1.TeamChanged",
    "crm.accounts.v1.RoleChanged",
)


class Settings(config.Settings):
    """What it takes to reach the broker, and how many regions there are."""

    seal_key: SecretStr = SecretStr("")
    """Not used here."""

    regions: str = "vn"
    """Regions with a notifier of their own, separated by commas."""

    stream_replicas: int = Field(default=1, ge=1, le=5)
    """Copies of each stream; 3 across zones in production."""

    subscribers: dict[SubscriberName, list[str]] = Field(default_factory=dict)
    """JSON {name: [subjects]}: who reads FACTS as `subscriber-<name>`; no subjects are all."""

    nats_url: str = Field(repr=False)
    """`nats://host:port`, several separated by commas; may carry user and password."""

    nats_monitor_url: str = ""
    """`http://host:port` of the broker's monitoring; given, a broker without fsync is refused."""

    nats_creds_file: Path | None = None
    """Broker credentials that may manage streams and consumers."""

    nats_tls_ca_file: Path | None = None
    """The authority the broker's certificate must come from."""

    nats_tls_cert_file: Path | None = None
    """Client certificate for the broker, with its key."""

    nats_tls_key_file: Path | None = None
    """Key of `nats_tls_cert_file`."""


def notify_stream(region: str) -> str:
    """Return the name of a region's work stream."""
    return f"NOTIFY_{region.upper().replace('-', '_')}"


def notify_subject(region: str, lane: str) -> str:
    """Return the subject of a region's work of one lane, `bulk` or `transactional`."""
    return f"notify.{region}.{lane}"


def streams(regions: Sequence[str], replicas: int = 1) -> list[Stream]:
    """Return every stream for these regions."""
    return [
        Stream("CONTROL", [*CONTROL_EVENTS, HEARTBEATS], max_age=DAY, replicas=replicas),
        Stream("FACTS", FACTS_EVENTS, max_age=7 * DAY, replicas=replicas),
        # accounts keeps the entries; the stream covers its longest absence.
        Stream("AUDIT", ["audit.>"], max_age=90 * DAY, replicas=replicas),
        Stream(topology.DLQ, ["dlq.>"], max_age=30 * DAY, replicas=replicas),
        *(
            Stream(
                notify_stream(region),
                [notify_subject(region, lane) for lane in LANES],
                retention="workqueue",
                replicas=replicas,
            )
            for region in regions
        ),
    ]


def subscriber(name: str, subjects: Sequence[str]) -> Consumer:
    """Return the consumer of a program that reads FACTS, all of it or these subjects.

    Made here and not by the program: who may make consumers may have the broker send what is in
    a stream to any subject.
    """
    return Consumer("FACTS", f"{topology.OUTSIDE}{name}", subjects)


def consumers(regions: Sequence[str]) -> list[Consumer]:
    """Return every consumer of the house for these regions."""
    return [
        Consumer(
            "FACTS",
            "interactions-timeline",
            [
                "crm.leads.v1.ContactCreated",
                "crm.leads.v1.ContactUpdated",
                "crm.leads.v1.ContactsImported",
                "crm.leads.v1.ContactStageChanged",
                "crm.leads.v1.ContactConverted",
                "crm.leads.v1.TransactionsIngested",
            ],
        ),
        Consumer(
            "CONTROL",
            "interactions-control",
            ["crm.leads.v1.ConsentGiven", "crm.leads.v1.ConsentWithdrawn"],
        ),
        Consumer("FACTS", "interactions-contacts", ["crm.leads.v1.ContactDeleted"]),
        Consumer("FACTS", "interactions-messages", ["crm.notifier.v1.MessagesSettled"]),
        Consumer("FACTS", "campaigns-progress", ["crm.notifier.v1.MessagesProgressed"]),
        Consumer("FACTS", "campaigns-complaints", ["crm.notifier.v1.MessageComplained"]),
        Consumer("CONTROL", "leads-control", ["crm.notifier.v1.SuppressionAdded"]),
        Consumer("FACTS", "leads-addresses", ["crm.notifier.v1.AddressesFailed"]),
        Consumer("AUDIT", "accounts-audit", ["audit.>"]),
        Consumer(
            "FACTS",
            "accounts-contacts",
            [
                "crm.leads.v1.ContactDeleted",
                "crm.leads.v1.ContactLoginWanted",
                "crm.leads.v1.ContactUpdated",
            ],
        ),
        *(consumer for region in regions for consumer in _regional(region)),
    ]


def _regional(region: str) -> list[Consumer]:
    return [
        Consumer(
            "CONTROL",
            f"notifier-{region}-control",
            [
                "crm.leads.v1.ConsentWithdrawn",
                "crm.leads.v1.ConsentGiven",
                "crm.campaigns.v1.RunPaused",
                "crm.campaigns.v1.RunResumed",
                "crm.campaigns.v1.RunCancelled",
                # In the same line as what they vouch for: that nothing older is still to come.
                "control.heartbeat.leads",
                "control.heartbeat.campaigns",
            ],
            # One at a time over all replicas, or a heartbeat could overtake what it vouches for;
            # a replica that died with one in hand delays the others by this much.
            ack_wait=5.0,
            max_ack_pending=1,
        ),
        *(
            Consumer(
                notify_stream(region),
                f"notifier-{region}-{lane}",
                [notify_subject(region, lane)],
                ack_wait=60.0,
            )
            for lane in LANES
        ),
    ]


async def apply(settings: Settings) -> None:
    """Make the broker have every stream and consumer; raises if it acknowledges before fsync."""
    regions = [region.strip() for region in settings.regions.split(",") if region.strip()]
    nats = Connection(settings, "topology")
    try:
        if settings.nats_monitor_url:
            await topology.assert_sync_always(settings.nats_monitor_url)
        readers = [subscriber(name, those) for name, those in settings.subscribers.items()]
        made = [*consumers(regions), *readers]
        await topology.apply(nats, streams(regions, settings.stream_replicas), made)
    finally:
        await nats.close()


def main(argv: Sequence[str]) -> None:
    """Run the command, which takes no arguments."""
    settings = config.load(Settings)
    logging.configure(settings, "topology")
    if argv:
        sys.stderr.write("usage: python -m services.topology\n")
        raise SystemExit(2)
    asyncio.run(apply(settings))


if __name__ == "__main__":
    main(sys.argv[1:])
