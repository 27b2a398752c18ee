"""SuppressionService."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from crm.notifier.v1 import (
    message_pb2,
    suppression_pb2,
    suppression_service_pb2,
    suppression_service_pb2_grpc,
)
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis.db import Sessions, idempotency, paging
from services.notifier.domain import addresses, peppering
from services.notifier.domain.checks import Checks
from services.notifier.domain.states import Channel, Purpose
from services.notifier.messages import resources
from services.notifier.rpc import sought
from services.notifier.storage import suppressions
from services.notifier.storage.suppressions import Suppression
from services.notifier.usecases import suppress
from services.notifier.usecases.gating import Standards


class SuppressionServicer(suppression_service_pb2_grpc.SuppressionServiceServicer):
    """Addresses that must not get messages."""

    def __init__(
        self, sessions: Sessions, seal_key: SecretStr, mac_key: SecretStr, standards: Standards
    ) -> None:
        self._standards = standards
        self._sessions = sessions
        self._seal_key = seal_key
        self._secret = mac_key.get_secret_value().encode()

    async def CreateSuppression(
        self, request: suppression_service_pb2.CreateSuppressionRequest, _: Any
    ) -> suppression_pb2.Suppression:
        """Suppresses an address."""
        new = _new(request.suppression, datetime.now(UTC))
        async with self._sessions.begin() as session:

            async def work() -> suppression_pb2.Suppression:
                return resources.suppression(await suppress.add(session, new))

            return await idempotency.once(
                session, "CreateSuppression", request, suppression_pb2.Suppression, work
            )

    async def ListSuppressions(
        self, request: suppression_service_pb2.ListSuppressionsRequest, _: Any
    ) -> suppression_service_pb2.ListSuppressionsResponse:
        """One page, newest first."""
        checks = Checks()
        key = sought.key(checks, request.address)
        checks.end()
        fields = {"channel": request.channel, "address": key}
        page = paging.read(request.page_size, request.page_token, fields, self._seal_key)
        after = (page.after[0], page.after[1]) if page.after else None
        async with self._sessions.begin() as session:
            found = await suppressions.page(
                session,
                channel=request.channel,
                address_keys=peppering.known_by(self._secret, key),
                after=after,  # type: ignore[arg-type]
                limit=page.size + 1,
            )
        shown = found[: page.size]
        token = ""
        if len(found) > page.size:
            token = paging.token([shown[-1].created_at, shown[-1].id], fields, self._seal_key)
        return suppression_service_pb2.ListSuppressionsResponse(
            suppressions=[resources.suppression(it) for it in shown], next_page_token=token
        )

    async def DeleteSuppression(
        self, request: suppression_service_pb2.DeleteSuppressionRequest, _: Any
    ) -> empty_pb2.Empty:
        """Lifts a suppression."""
        checks = Checks()
        id = checks.uuid("id", request.id)
        checks.end()
        async with self._sessions.begin() as session:
            await suppress.lift(session, id or UUID(int=0))
        return empty_pb2.Empty()

    async def DescribeUnsubscribe(
        self, request: suppression_service_pb2.DescribeUnsubscribeRequest, _: Any
    ) -> suppression_service_pb2.DescribeUnsubscribeResponse:
        """What a link would do."""
        async with self._sessions.begin() as session:
            described = await suppress.describe(session, request.token, self._secret)
        return suppression_service_pb2.DescribeUnsubscribeResponse(
            masked_address=described.masked_address,
            channel=message_pb2.Channel.ValueType(described.link.channel),
            purpose=message_pb2.Purpose.ValueType(described.link.purpose),
            advertiser_name=described.advertiser_name,
            unsubscribed=described.unsubscribed,
        )

    async def Unsubscribe(
        self, request: suppression_service_pb2.UnsubscribeRequest, _: Any
    ) -> suppression_pb2.Suppression:
        """Unsubscribes; answered after the commit."""
        now = datetime.now(UTC)
        async with self._sessions.begin() as session:
            stored = await suppress.unsubscribe(
                session,
                request.token,
                self._secret,
                now,
                self._standards,
                everything=request.all,
            )
        return resources.suppression(stored)


def _new(given: suppression_pb2.Suppression, now: datetime) -> Suppression:
    checks = Checks()
    channel = checks.channel("suppression.channel", given.channel)
    if channel:
        sought.must_be_shown(channel)
    if channel and addresses.normalised(channel, given.address) is None:
        wants = "an E.164 phone number" if channel is Channel.SMS else "an e-mail address"
        checks.wrong("suppression.address", f"is not {wants}")
    advertiser = checks.uuid("suppression.advertiser_id", given.advertiser_id, required=False)
    if given.purpose not in (0, *Purpose):
        checks.wrong("suppression.purpose", "is not known")
    reason = checks.text("suppression.reason", given.reason, 60)
    evidence = checks.text("suppression.evidence", given.evidence, 1_000, required=False)
    expires = resources.time(given.expire_time) if given.HasField("expire_time") else None
    if expires is not None and expires <= now:
        checks.wrong("suppression.expire_time", "has passed")
    checks.end()
    made = suppress.made(
        channel=channel or Channel.EMAIL,
        address=given.address.strip(),
        reason=reason,
        evidence=evidence,
        now=now,
        actor=suppress.actor(),
    )
    return replace(
        made,
        advertiser_id=advertiser or made.advertiser_id,
        purpose=int(given.purpose),
        expires_at=expires,
    )
