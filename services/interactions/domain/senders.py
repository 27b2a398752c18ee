"""How a reminder goes to a contact, and in whose name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.messages import Channel, Purpose


@dataclass(frozen=True)
class Sender:
    """A channel, what it is used for, and who speaks."""

    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    sender_identity_id: UUID


def stored(sender: Sender) -> dict[str, Any]:
    """Return a sender as it is kept."""
    return {
        "channel": sender.channel.value,
        "purpose": sender.purpose.value,
        "advertiser_id": str(sender.advertiser_id),
        "sender_identity_id": str(sender.sender_identity_id),
    }


def loaded(kept: Mapping[str, Any]) -> Sender:
    """Return what was kept by `stored`."""
    return Sender(
        Channel(kept["channel"]),
        Purpose(kept["purpose"]),
        UUID(kept["advertiser_id"]),
        UUID(kept["sender_identity_id"]),
    )


def checked(given: Mapping[str, Any], field: str, problems: Problems) -> dict[str, Any] | None:
    """Return a sender as it is kept, None where something is wrong with it, which is noted.

    `given` has the fields of `ContactReminder` by name; a channel that was not said is None.
    """
    advertiser = fields.uuid(given["advertiser_id"], f"{field}.advertiser_id", problems)
    identity = fields.uuid(given["sender_identity_id"], f"{field}.sender_identity_id", problems)
    if given["channel"] is None:
        problems.add(f"{field}.channel", "is required")
    if advertiser is None or identity is None or given["channel"] is None:
        return None
    return stored(Sender(given["channel"], given["purpose"], advertiser, identity))
