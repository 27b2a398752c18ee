"""Reads requests to add or to change a sender identity."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from crm.notifier.v1 import suppression_pb2, suppression_service_pb2

from chassis.rpc import fieldmask
from services.notifier.domain import addresses
from services.notifier.domain.checks import Checks
from services.notifier.domain.rulebook import SenderRule
from services.notifier.domain.rules import Rules
from services.notifier.domain.states import Channel, Purpose
from services.notifier.messages import resources
from services.notifier.storage.senders import Identity

# What was sent names these for good.
_FIXED = ("address", "advertiser_id", "channel")
_CHANGEABLE = ("display_name", "expire_time", "reply_to")
_LAST = datetime(9999, 1, 1, tzinfo=UTC)  # beyond, no time zone can show it


def added(given: suppression_pb2.SenderIdentity, now: datetime, rules: Rules) -> Identity:
    """A new identity; raises `InvalidArgument` that names every field that is wrong."""
    checks = Checks()
    advertiser = checks.uuid("sender_identity.advertiser_id", given.advertiser_id)
    channel = checks.channel("sender_identity.channel", given.channel)
    address = checks.text("sender_identity.address", given.address, 254)
    of_brands = _of_brands(channel, rules)
    if channel and address:
        _check_address(checks, channel, address, of_brands)
    ends = _end(checks, given, now)
    for rule in of_brands[:1]:
        ends = ends or addresses.registered_until(now, rule.valid_years)
    name, reply_to = _name(checks, given), _reply_to(checks, given)
    checks.end()
    return Identity(
        id=uuid_utils.compat.uuid7(),
        revision=1,
        advertiser_id=advertiser or UUID(int=0),
        channel=channel or Channel.EMAIL,
        address=address,
        display_name=name,
        reply_to=reply_to,
        expires_at=ends,
        created_at=now,
    )


def change(
    request: suppression_service_pb2.UpdateSenderIdentityRequest, now: datetime, rules: Rules
) -> tuple[UUID, Callable[[Identity], Identity]]:
    """The id of an identity and what is to become of it; both raise `InvalidArgument`.

    A field that cannot change may be named with the value it has.
    """
    given = request.sender_identity
    paths = fieldmask.paths(request.update_mask, given, (*_CHANGEABLE, *_FIXED))
    named = {path.partition(".")[0] for path in paths}
    checks = Checks()
    id = checks.uuid("sender_identity.id", given.id)
    checks.end()
    return id or UUID(int=0), lambda before: _changed(before, given, named, now, rules)


def _changed(
    before: Identity,
    given: suppression_pb2.SenderIdentity,
    named: Collection[str],
    now: datetime,
    rules: Rules,
) -> Identity:
    checks = Checks()
    held = resources.identity(before)
    for field in _FIXED:
        if field in named and getattr(given, field) != getattr(held, field):
            checks.wrong(f"sender_identity.{field}", "cannot be changed once created")
    changes: dict[str, Any] = {}
    if "display_name" in named:
        changes["display_name"] = _name(checks, given)
    if "reply_to" in named:
        changes["reply_to"] = _reply_to(checks, given)
    if "expire_time" in named and given.expire_time != held.expire_time:
        changes["expires_at"] = _end(checks, given, now)
        if not given.HasField("expire_time") and _of_brands(before.channel, rules):
            checks.wrong("sender_identity.expire_time", "is required for a brand name")
    checks.end()
    return replace(before, **changes)


def _of_brands(channel: Channel | None, rules: Rules) -> Sequence[SenderRule]:
    """What the law asks of brand names; nothing of e-mail addresses."""
    return rules.home_law(channel, Purpose.MARKETING).senders if channel is Channel.SMS else ()


def _check_address(
    checks: Checks, channel: Channel, address: str, of_brands: Sequence[SenderRule]
) -> None:
    for rule in of_brands:
        trouble = addresses.brand_trouble(address, rule.longest, rule.symbols)
        if trouble:
            checks.wrong("sender_identity.address", trouble)
    if channel is Channel.EMAIL and addresses.normalised(channel, address) is None:
        checks.wrong("sender_identity.address", "is not an e-mail address")


def _end(checks: Checks, given: suppression_pb2.SenderIdentity, now: datetime) -> datetime | None:
    """Until when it is registered; None when that is not said or wrong."""
    if not given.HasField("expire_time"):
        return None
    field = "sender_identity.expire_time"
    ends = resources.time(given.expire_time)
    if ends <= now:
        checks.wrong(field, "has passed")
    elif ends >= _LAST:
        checks.wrong(field, "is out of range")
    return ends


def _name(checks: Checks, given: suppression_pb2.SenderIdentity) -> str:
    return checks.text("sender_identity.display_name", given.display_name, 100, required=False)


def _reply_to(checks: Checks, given: suppression_pb2.SenderIdentity) -> str:
    address = checks.text("sender_identity.reply_to", given.reply_to, 254, required=False)
    if address and addresses.normalised(Channel.EMAIL, address) is None:
        checks.wrong("sender_identity.reply_to", "is not an e-mail address")
    return address
