"""What a mail that came back changes; the same mail again changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from chassis.errors import InvalidArgument
from services.notifier.domain import addresses, inbound, tokens
from services.notifier.domain.inbound import Complaint, Kind, Mail, Notice, Report
from services.notifier.domain.states import DEAD, Purpose, Reason, State
from services.notifier.domain.work import Failed, Key
from services.notifier.messages import resources
from services.notifier.storage import complaints, lookups, receipts, rows
from services.notifier.storage.receipts import Receipt
from services.notifier.usecases import reports, suppress

_STATES = {
    Kind.BOUNCED: State.BOUNCED,
    Kind.DELIVERED: State.DELIVERED,
    Kind.DELAYED: State.DEFERRED,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a mail was understood as, and whether it was news."""

    kind: Kind
    message_id: UUID | None = None
    reason: Reason = Reason.NONE
    news: bool = False


async def take(
    session: AsyncSession, mail: Mail, recipient: str, secret: bytes, now: datetime
) -> Taken:
    """Keeps what a mail says of the message that it came back of.

    Raises `InvalidArgument` RETURN_PATH_INVALID unless an address or a link with our MAC says which
    message that is: what a mail says by itself, anybody could have written.
    """
    key = _named(mail, recipient, secret)
    match mail:
        case Report():
            return await _report(session, mail, key, now)
        case Complaint():
            return await _complaint(session, mail, key, now)
        case _:
            return Taken(mail.kind)


async def _report(session: AsyncSession, report: Report, key: Key, now: datetime) -> Taken:
    message = await lookups.get(session, key.message_id)
    if message is None or not message.address:  # let go of, or its recipient was erased
        return Taken(min(it.kind for it in report.notices))
    notice = inbound.notice_of(report.notices, message.address)
    if notice is None:
        raise AssertionError("a report has a notice")
    receipt = Receipt(
        receipts.MAIL,
        key.message_id.hex,
        _STATES[notice.kind],
        notice.detail,
        key.message_id,
        notice.reason,
    )
    news = await receipts.add(session, [receipt]) == 1
    if news and _is_dead(notice, message):
        failed = Failed(message.channel, _key(message), notice.reason, key.message_id, now)
        await reports.announce_failed(session, [failed])
    return Taken(notice.kind, key.message_id, notice.reason, news)


async def _complaint(session: AsyncSession, it: Complaint, key: Key, now: datetime) -> Taken:
    """Stops the advertiser's advertising to whoever complained, and counts it for the run.

    It is not confirmed to them.
    """
    message = await lookups.get(session, key.message_id)
    if message is None or not message.address:  # let go of, or its recipient was erased
        return Taken(Kind.COMPLAINED)
    if not await complaints.add(session, message.key, message.run_id, it.what):
        return Taken(Kind.COMPLAINED, key.message_id)
    made = suppress.made(
        channel=message.channel,
        address=message.address,
        reason="complained",
        evidence=f"feedback report ({it.what}) of message {key.message_id}",
        now=now,
        actor="notifier",
    )
    await suppress.add(
        session,
        replace(
            made,
            advertiser_id=message.advertiser_id,
            purpose=int(Purpose.MARKETING),
            contact_id=message.contact_id,
        ),
    )
    if message.run_id is not None:
        event = resources.message_complained(message, message.run_id, it.what, now)
        await outbox.add(session, event, to=outbox.Class.FACTS, key=str(message.run_id))
    return Taken(Kind.COMPLAINED, key.message_id, news=True)


def _named(mail: Mail, recipient: str, secret: bytes) -> Key:
    """The message that a mail is about, by what only we can have made."""
    key = tokens.read_return_path(recipient, secret)
    if key is None and isinstance(mail, Complaint):
        key = next(_in_complaint(mail, secret), None)
    if key is None:
        raise InvalidArgument(
            "RETURN_PATH_INVALID", "the mail came to no return path of ours, and names none"
        )
    return key


def _in_complaint(it: Complaint, secret: bytes) -> Iterator[Key]:
    yield from filter(None, (tokens.read_return_path(path, secret) for path in it.return_paths))
    links = (tokens.read_link(token, secret) for token in it.links)
    yield from (link.key for link in links if link is not None)


def _is_dead(notice: Notice, message: rows.Message) -> bool:
    """Whether a report says that nobody is at the address we wrote to.

    An address that this one forwards to says nothing of this one. Of a message that came back
    before it was told then: receipts are forgotten after some days, a mail may come later still.
    """
    is_ours = message.address.lower() in notice.addresses and message.state is not State.BOUNCED
    return notice.kind is Kind.BOUNCED and notice.reason in DEAD and is_ours


def _key(message: rows.Message) -> str:
    return addresses.normalised(message.channel, message.address) or message.address
