"""DoNotCallService and AgreementService."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat
from crm.notifier.v1 import compliance_pb2, compliance_service_pb2_grpc
from crm.notifier.v1 import compliance_service_pb2 as pb
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis.db import Sessions, idempotency, paging
from services.notifier.domain import addresses
from services.notifier.domain.checks import Checks
from services.notifier.domain.rulebook import window
from services.notifier.domain.states import Channel
from services.notifier.messages import compliance as messages
from services.notifier.messages import resources
from services.notifier.rpc import sought
from services.notifier.storage import agreements, do_not_call
from services.notifier.storage.agreements import Stored
from services.notifier.usecases import compliance, suppress

MOST_NUMBERS = 10_000
_LIST = re.compile(r"[a-z0-9_-]{1,40}")
_AHEAD = timedelta(minutes=5)


class DoNotCallServicer(compliance_service_pb2_grpc.DoNotCallServiceServicer):
    """Lists of numbers that must not get advertising; the right is that of suppressions."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def ListDoNotCallLists(
        self, request: pb.ListDoNotCallListsRequest, _: Any
    ) -> pb.ListDoNotCallListsResponse:
        """All lists and how fresh they are."""
        async with self._sessions.begin() as session:
            found = await do_not_call.lists(session)
        return pb.ListDoNotCallListsResponse(lists=[messages.do_not_call_list(it) for it in found])

    async def ChangeDoNotCallList(
        self, request: pb.ChangeDoNotCallListRequest, _: Any
    ) -> compliance_pb2.DoNotCallList:
        """Changes a list; answered after the commit."""
        change = _change(request, datetime.now(UTC))
        async with self._sessions.begin() as session:

            async def work() -> compliance_pb2.DoNotCallList:
                done = await compliance.change_list(session, change)
                return messages.do_not_call_list(done.list, done.added, done.removed)

            return await idempotency.once(
                session, "ChangeDoNotCallList", request, compliance_pb2.DoNotCallList, work
            )


class AgreementServicer(compliance_service_pb2_grpc.AgreementServiceServicer):
    """What people agreed with advertisers; the right is that of suppressions."""

    def __init__(self, sessions: Sessions, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._seal_key = seal_key

    async def CreateAgreement(
        self, request: pb.CreateAgreementRequest, _: Any
    ) -> compliance_pb2.Agreement:
        """Records an agreement."""
        new = _agreement(request.agreement, datetime.now(UTC))
        async with self._sessions.begin() as session:

            async def work() -> compliance_pb2.Agreement:
                return messages.agreement(await compliance.agree(session, new))

            return await idempotency.once(
                session, "CreateAgreement", request, compliance_pb2.Agreement, work
            )

    async def ListAgreements(
        self, request: pb.ListAgreementsRequest, _: Any
    ) -> pb.ListAgreementsResponse:
        """One page by id."""
        checks = Checks()
        key = sought.key(checks, request.address)
        checks.end()
        page = paging.read(request.page_size, request.page_token, {"address": key}, self._seal_key)
        after = page.after[0] if page.after else None
        async with self._sessions.begin() as session:
            found = await agreements.page(session, key, after, page.size + 1)  # type: ignore[arg-type]
        shown = found[: page.size]
        token = ""
        if len(found) > page.size:
            token = paging.token([shown[-1].id], {"address": key}, self._seal_key)
        return pb.ListAgreementsResponse(
            agreements=[messages.agreement(it) for it in shown], next_page_token=token
        )

    async def DeleteAgreement(self, request: pb.DeleteAgreementRequest, _: Any) -> empty_pb2.Empty:
        """Ends an agreement."""
        checks = Checks()
        id = checks.uuid("id", request.id)
        checks.end()
        async with self._sessions.begin() as session:
            await compliance.end_agreement(session, id or UUID(int=0))
        return empty_pb2.Empty()


def _change(request: pb.ChangeDoNotCallListRequest, now: datetime) -> compliance.Change:
    checks = Checks()
    if request.additions or request.removals:
        sought.must_be_shown(Channel.SMS)
    if not _LIST.fullmatch(request.list):
        checks.wrong("list", "must be 1 to 40 of a-z, 0-9, - and _")
    edition = checks.text("edition", request.edition, 80, required=request.complete)
    as_of = resources.time(request.as_of) if request.HasField("as_of") else None
    if as_of is not None and as_of > now + _AHEAD:
        checks.wrong("as_of", "is in the future")
    additions = _numbers(checks, "additions", request.additions)
    removals = _numbers(checks, "removals", request.removals)
    checks.end()
    return compliance.Change(request.list, additions, removals, edition, request.complete, as_of)


def _numbers(checks: Checks, field: str, given: Sequence[str]) -> list[str]:
    if len(given) > MOST_NUMBERS:
        checks.wrong(field, f"has more than {MOST_NUMBERS} numbers")
        return []
    found = [addresses.normalised(Channel.SMS, it) for it in given]
    for place, number in enumerate(found):
        if number is None:
            checks.wrong(f"{field}[{place}]", "is not an E.164 phone number")
            break
    return [it for it in found if it]


def _agreement(given: compliance_pb2.Agreement, now: datetime) -> Stored:
    checks = Checks()
    channel = checks.channel("agreement.channel", given.channel)
    if channel:
        sought.must_be_shown(channel)
    key = addresses.normalised(channel, given.address) if channel else None
    if channel and key is None:
        wants = "an E.164 phone number" if channel is Channel.SMS else "an e-mail address"
        checks.wrong("agreement.address", f"is not {wants}")
    advertiser = checks.uuid("agreement.advertiser_id", given.advertiser_id)
    contact = checks.uuid("agreement.contact_id", given.contact_id, required=False)
    evidence = checks.text("agreement.evidence", given.evidence, 1_000)
    expires = resources.time(given.expire_time) if given.HasField("expire_time") else None
    if expires is not None and expires <= now:
        checks.wrong("agreement.expire_time", "has passed")
    _check_terms(checks, given)
    checks.end()
    return Stored(
        id=uuid_utils.compat.uuid7(),
        advertiser_id=advertiser or UUID(int=0),
        channel=channel or Channel.EMAIL,
        address=given.address.strip(),
        address_key=key or "",
        contact_id=contact,
        most=given.most or None,
        windows=tuple(given.windows),
        evidence=evidence,
        actor=suppress.actor(),
        expires_at=expires,
        created_at=now,
    )


def _check_terms(checks: Checks, given: compliance_pb2.Agreement) -> None:
    if not 0 <= given.most <= 1_000:
        checks.wrong("agreement.most", "must be 1 to 1,000")
    if not given.most and not given.windows:
        checks.wrong("agreement.most", "is required unless windows are given")
    if len(given.windows) > 10:
        checks.wrong("agreement.windows", "has more than 10")
    for place, text in enumerate(given.windows[:10]):
        try:
            window(text)
        except ValueError as wrong:
            checks.wrong(f"agreement.windows[{place}]", str(wrong))
