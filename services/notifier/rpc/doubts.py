"""DoubtService."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from crm.notifier.v1 import doubt_pb2, doubt_service_pb2, doubt_service_pb2_grpc

from chassis.db import Sessions, idempotency, paging
from chassis.errors import NotFound
from services.notifier.config import Settings
from services.notifier.domain.checks import Checks
from services.notifier.domain.doubts import SETTLING, Act
from services.notifier.domain.states import Channel, Purpose
from services.notifier.messages import doubts as messages
from services.notifier.messages import resources
from services.notifier.storage import doubts, evidence
from services.notifier.storage.doubts import Doubt, Filter
from services.notifier.usecases import doubts as usecases

pb = doubt_service_pb2
_LONGEST_REASON = 500


class DoubtServicer(doubt_service_pb2_grpc.DoubtServiceServicer):
    """Messages in doubt, and what is done about them."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._sessions = sessions
        self._seal_key = settings.seal_key
        self._region = settings.region
        self._policy = usecases.policy(settings)

    async def ListDoubts(self, request: pb.ListDoubtsRequest, _: Any) -> pb.ListDoubtsResponse:
        """One page, oldest doubt first."""
        asked = _flat(request)
        by = _filter(Checks(), asked, "")
        fields = {"filter": asked.SerializeToString(deterministic=True).hex()}
        page = paging.read(request.page_size, request.page_token, fields, self._seal_key)
        after = (page.after[0], page.after[1]) if page.after else None
        async with self._sessions.begin() as session:
            found = await doubts.page(session, by, after, page.size + 1)  # type: ignore[arg-type]
            total = await doubts.total(session, by)
            shown = await self._with_evidence(session, found[: page.size])
        token = ""
        if len(found) > page.size:
            last = found[page.size - 1]
            keys: list[paging.Key] = [last.since, last.message.key.message_id]
            token = paging.token(keys, fields, self._seal_key)
        return pb.ListDoubtsResponse(doubts=shown, next_page_token=token, total=total)

    async def GetDoubt(self, request: pb.GetDoubtRequest, _: Any) -> doubt_pb2.Doubt:
        """One message in doubt."""
        checks = Checks()
        id = _id(checks, request.message_id)
        checks.end()
        async with self._sessions.begin() as session:
            found = await doubts.get(session, id)
            if found is None:
                raise NotFound("RESOURCE_MISSING", "no such doubt", resource="doubt", id=id)
            (shown,) = await self._with_evidence(session, [found])
        return shown

    async def SettleDoubt(self, request: pb.SettleDoubtRequest, _: Any) -> doubt_pb2.DoubtDeed:
        """Says what became of a message."""
        checks = Checks()
        id, reason = _id(checks, request.message_id), _reason(checks, request.reason)
        act = _act(checks, request.act)
        checks.end()
        async with self._sessions.begin() as session:

            async def work() -> doubt_pb2.DoubtDeed:
                done = await usecases.settle(
                    session, id, act, reason=reason, etag=request.etag, region=self._region
                )
                return messages.deed(done)

            return await idempotency.once(
                session, "SettleDoubt", request, doubt_pb2.DoubtDeed, work
            )

    async def ResendDoubt(self, request: pb.ResendDoubtRequest, _: Any) -> doubt_pb2.DoubtDeed:
        """Sends a message once more."""
        checks = Checks()
        id, reason = _id(checks, request.message_id), _reason(checks, request.reason)
        _accepted(checks, given=request.accept_duplicate)
        checks.end()
        async with self._sessions.begin() as session:

            async def work() -> doubt_pb2.DoubtDeed:
                done = await usecases.resend(
                    session,
                    id,
                    reason=reason,
                    etag=request.etag,
                    force=request.force,
                    region=self._region,
                )
                return messages.deed(done)

            return await idempotency.once(
                session, "ResendDoubt", request, doubt_pb2.DoubtDeed, work
            )

    async def SettleDoubts(self, request: pb.SettleDoubtsRequest, _: Any) -> pb.ActOnDoubtsResponse:
        """Says what became of many messages."""
        checks = Checks()
        reason, act = _reason(checks, request.reason), _act(checks, request.act)
        by = _bounded(checks, request.filter)
        return await self._act(request, by, act, reason)

    async def ResendDoubts(self, request: pb.ResendDoubtsRequest, _: Any) -> pb.ActOnDoubtsResponse:
        """Sends many messages once more."""
        checks = Checks()
        reason = _reason(checks, request.reason)
        _accepted(checks, given=request.accept_duplicate)
        by = _bounded(checks, request.filter)
        return await self._act(request, by, Act.SENT_AGAIN, reason, force=request.force)

    async def ListDoubtDeeds(
        self, request: pb.ListDoubtDeedsRequest, _: Any
    ) -> pb.ListDoubtDeedsResponse:
        """What was done, newest first."""
        page = paging.read(request.page_size, request.page_token, {}, self._seal_key)
        after = page.after[0] if page.after else None
        async with self._sessions.begin() as session:
            found = await doubts.deeds(session, after, page.size + 1)  # type: ignore[arg-type]
        shown = found[: page.size]
        token = paging.token([shown[-1].id], {}, self._seal_key) if shown != found else ""
        return pb.ListDoubtDeedsResponse(
            deeds=[messages.deed(it) for it in shown], next_page_token=token
        )

    async def _act(
        self, request: Any, by: Filter, act: Act, reason: str, *, force: bool = False
    ) -> pb.ActOnDoubtsResponse:
        asked = request.filter.SerializeToString(deterministic=True)
        async with self._sessions.begin() as session:

            async def work() -> pb.ActOnDoubtsResponse:
                count = await usecases.act_on_all(
                    session,
                    by,
                    act,
                    reason=reason,
                    force=force,
                    asked=asked,
                    region=self._region,
                )
                return pb.ActOnDoubtsResponse(count=count, more=count == usecases.MOST)

            method = type(request).__name__.removesuffix("Request")
            return await idempotency.once(session, method, request, pb.ActOnDoubtsResponse, work)

    async def _with_evidence(self, session: Any, found: Sequence[Doubt]) -> list[doubt_pb2.Doubt]:
        keys = [it.message.key for it in found]
        attempts = await evidence.attempts(session, keys)
        receipts = await evidence.receipts(session, keys)
        return [
            messages.doubt(
                it,
                self._policy,
                attempts.get(it.message.key.message_id, ()),
                receipts.get(it.message.key.message_id, ()),
            )
            for it in found
        ]


def _flat(request: pb.ListDoubtsRequest) -> doubt_pb2.DoubtFilter:
    """The filter of a list, as acts have it."""
    asked = doubt_pb2.DoubtFilter(
        provider=request.provider,
        run_id=request.run_id,
        channel=request.channel,
        purpose=request.purpose,
    )
    for name in ("doubt_from", "doubt_until"):
        if request.HasField(name):
            getattr(asked, name).CopyFrom(getattr(request, name))
    return asked


def _filter(checks: Checks, asked: doubt_pb2.DoubtFilter, prefix: str) -> Filter:
    run_id = checks.uuid(f"{prefix}run_id", asked.run_id, required=False)
    if asked.channel not in (0, *Channel):
        checks.wrong(f"{prefix}channel", "is not known")
    if asked.purpose not in (0, *Purpose):
        checks.wrong(f"{prefix}purpose", "is not known")
    checks.end()
    return Filter(
        provider=asked.provider,
        run_id=run_id,
        channel=Channel(asked.channel) if asked.channel else None,
        purpose=Purpose(asked.purpose) if asked.purpose else None,
        since=resources.time(asked.doubt_from) if asked.HasField("doubt_from") else None,
        until=resources.time(asked.doubt_until) if asked.HasField("doubt_until") else None,
    )


def _bounded(checks: Checks, asked: doubt_pb2.DoubtFilter) -> Filter:
    """A filter that names what is to be changed: never all, nor what comes in doubt later."""
    if not asked.HasField("doubt_until"):
        checks.wrong("filter.doubt_until", "is required")
    if not (asked.provider or asked.run_id or asked.HasField("doubt_from")):
        checks.wrong("filter", "needs one of provider, run_id and doubt_from")
    return _filter(checks, asked, "filter.")


def _id(checks: Checks, value: str) -> UUID:
    return checks.uuid("message_id", value) or UUID(int=0)


def _reason(checks: Checks, value: str) -> str:
    return checks.text("reason", value, _LONGEST_REASON)


def _act(checks: Checks, value: int) -> Act:
    if value in SETTLING:
        return Act(value)
    checks.wrong("act", "must be ACCEPTED, FAILED or ABANDONED")
    return Act.ABANDONED


def _accepted(checks: Checks, *, given: bool) -> None:
    if not given:
        checks.wrong("accept_duplicate", "must be true: it may arrive twice")
