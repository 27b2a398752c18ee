"""How consents stand for the person who gives and withdraws them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.leads.domain import consent
from services.leads.domain.consent import NEEDING, Action, GivenDraft, WithdrawnDraft
from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.fields import Checks

METHOD = EVIDENCE = "portal"
ACTOR = "contact"


@dataclass(frozen=True)
class Said:
    """When something of a scope was last given or withdrawn; the bits are those of the ledger.

    A withdrawal without an advertiser is towards all of them.
    """

    advertiser_id: UUID | None
    purposes: int
    channels: int
    action: Action
    time: datetime


@dataclass(frozen=True)
class Standing:
    """Whether an advertiser may write for a purpose by a channel, and since when it is so."""

    advertiser_id: UUID
    purpose: Purpose
    channel: Channel
    given: bool
    time: datetime


@dataclass(frozen=True)
class Wish:
    """What a customer wants changed, as checked."""

    advertiser_id: UUID
    purpose: Purpose
    channel: Channel
    given: bool


def standings(said: Sequence[Said], in_force: Mapping[UUID, int]) -> list[Standing]:
    """Return how each consent stands of which the ledger says anything, in one order.

    `in_force` holds the cells in force by advertiser, which senders go by.
    """
    advertisers = sorted({it.advertiser_id for it in said if it.advertiser_id is not None})
    found = []
    for advertiser in advertisers:
        for purpose in sorted(NEEDING):
            for channel in Channel:
                cell = consent.cells(1 << purpose, 1 << channel)
                given = bool(in_force.get(advertiser, 0) & cell)
                wanted = Action.GIVEN if given else Action.WITHDRAWN
                times = [
                    it.time
                    for it in said
                    if it.advertiser_id in (None, advertiser)
                    and consent.cells(it.purposes, it.channels) & cell
                    and it.action is wanted
                ]
                if times:
                    standing = Standing(advertiser, purpose, channel, given, max(times))
                    found.append(standing)
    return found


def checked(advertiser_id: str, purpose: int, channel: int, *, given: bool) -> Wish:
    """Return what a customer wants changed; raises `InvalidArgument` naming each bad field."""
    checks = Checks()
    advertiser = checks.id("advertiser_id", advertiser_id)
    for_what = checks.needed("purpose", purpose, Purpose)
    if purpose in list(Purpose) and for_what not in NEEDING:
        checks.wrong("purpose", "needs no consent")
    by_what = checks.needed("channel", channel, Channel)
    checks.finish()
    return Wish(advertiser, for_what, by_what, given)


def given(contact_id: UUID, wish: Wish, now: datetime) -> GivenDraft:
    """Return the agreement that a wish is."""
    return GivenDraft(
        contact_id=str(contact_id),
        advertiser_id=str(wish.advertiser_id),
        purpose=wish.purpose,
        channel=wish.channel,
        time=now,
        method=METHOD,
        evidence=EVIDENCE,
    )


def withdrawn(contact_id: UUID, wish: Wish) -> WithdrawnDraft:
    """Return the withdrawal that a wish is."""
    return WithdrawnDraft(
        contact_id=str(contact_id),
        advertiser_id=str(wish.advertiser_id),
        purpose=wish.purpose,
        channel=wish.channel,
        method=METHOD,
        evidence=EVIDENCE,
    )
