"""The notifier as tests of campaigns script it."""

from collections.abc import Sequence
from uuid import UUID

from crm.campaigns.v1 import run_pb2

from chassis.errors import FieldViolation, Unavailable
from services.campaigns.clients.notifier import Counted, Probe
from services.campaigns.clients.notifier import Senders as SendersClient
from services.campaigns.domain.campaigns import Campaign, Draft
from services.campaigns.domain.planning import Member

ADVERTISER = "01900000-0000-7000-8000-00000000000a"
IDENTITY = "01900000-0000-7000-8000-00000000000b"


class Senders(SendersClient):
    """The notifier as a test says: one advertiser with one identity of each channel."""

    def __init__(self) -> None:
        self.is_away = False
        self.has: set[UUID] = set()
        self.asked: list[UUID] = []
        self.gates: Probe | None = None
        self.probed: Sequence[Member] = ()
        self.counted: Sequence[Counted] | None = None
        self.stopped: list[run_pb2.Run] = []

    async def probe(self, campaign: Campaign, members: Sequence[Member]) -> Probe | None:
        """Return what a test says of the gates."""
        self.probed = members
        return self.gates

    async def count(self, campaign: Campaign, texts: Sequence[str]) -> Sequence[Counted] | None:
        """Return what a test says of texts."""
        return self.counted

    async def known(self, run_id: UUID, message_ids: Sequence[UUID]) -> set[UUID]:
        """Return which of these a test said are there."""
        if self.is_away:
            raise Unavailable("PEER_UNAVAILABLE", "the notifier is away", peer="notifier")
        self.asked += message_ids
        return self.has & set(message_ids)

    async def stop(self, run: run_pb2.Run) -> bool:
        """Keep what was told, unless nobody hears."""
        if not self.is_away:
            self.stopped.append(run)
        return not self.is_away

    async def violations(self, draft: Draft) -> list[FieldViolation]:
        """Return what is wrong with the senders of a draft."""
        if self.is_away:
            raise Unavailable("PEER_UNAVAILABLE", "the notifier is away", peer="notifier")
        found = []
        if draft.advertiser_id != ADVERTISER:
            found.append(FieldViolation("campaign.advertiser_id", "no such advertiser"))
        if draft.sender_identity_id != IDENTITY:
            found.append(FieldViolation("campaign.sender_identity_id", "no such identity"))
        return found
