"""E-mails that tell colleagues once a day what they have not read."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from services.interactions.domain.notifications import Kind, Notification
from services.interactions.domain.reminder_letters import Colleague, Words

MOST = 20
"""How many a digest names; of more it says that there are."""


class Draft(NamedTuple):
    """What a digest says, the same at each try, and until when it may be sent."""

    words: Words
    not_after: datetime


@dataclass(frozen=True)
class Turn:
    """A person's turn that was claimed; `number` counts their turns, `attempts` this one's tries.

    `last_id` is the newest that was told before. One that was tried may have a draft. Who does
    not want any (`is_wanted`) has turns and no e-mail.
    """

    user_id: UUID
    number: int
    is_placed: bool
    last_id: UUID | None
    draft: Draft | None
    attempts: int
    is_wanted: bool = True

    @property
    def request_id(self) -> str:
        """Names the message for the notifier, which makes one of however many requests."""
        return f"digest/{self.user_id}/{self.number}"


_TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "subject": "Bạn có {n} thông báo chưa đọc",
        "open": "Xem thông báo",
        Kind.MENTIONED: "Bạn được nhắc đến trong ghi chú",
        Kind.ASSIGNED: "Bạn được giao lịch theo dõi",
        Kind.PROPOSAL_ANSWERED: "Khách hàng đã trả lời báo giá",
        Kind.PROPOSAL_UNDELIVERED: "E-mail của báo giá có thể chưa tới khách hàng",
        Kind.FOLLOW_UP_FAILED: "Tin của lịch theo dõi gửi không được",
        Kind.REMINDER: "Lịch theo dõi sắp bắt đầu",
        Kind.BATCH_ASSIGNED: "Bạn được giao nhiều lịch theo dõi",
        Kind.SERIES_ASSIGNED: "Bạn được giao một lịch lặp lại",
        Kind.HANDED_OVER: "Bạn được bàn giao việc của người khác",
        Kind.REQUEST: "Khách hàng gửi yêu cầu",
        "count": "{n} lịch theo dõi",
    },
    "en": {
        "subject": "{n} unread notifications",
        "open": "Read the notifications",
        Kind.MENTIONED: "You were mentioned in a note",
        Kind.ASSIGNED: "A follow-up was given to you",
        Kind.PROPOSAL_ANSWERED: "The customer answered a proposal",
        Kind.PROPOSAL_UNDELIVERED: "The e-mail of a proposal may not have arrived",
        Kind.FOLLOW_UP_FAILED: "Messages of a follow-up failed",
        Kind.REMINDER: "A follow-up is about to start",
        Kind.BATCH_ASSIGNED: "Follow-ups were given to you",
        Kind.SERIES_ASSIGNED: "A recurring follow-up was given to you",
        Kind.HANDED_OVER: "Somebody's work was handed over to you",
        Kind.REQUEST: "A customer sent a request",
        "count": "Follow-ups: {n}",
    },
}


def next_time(now: datetime, hour: int, zone: str) -> datetime:
    """Returns when the clock of a zone next shows the full hour after `now`."""
    local = now.astimezone(ZoneInfo(zone))
    wanted = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if wanted <= local:
        wanted += timedelta(days=1)
    return wanted.astimezone(UTC)


def written(unread: Sequence[Notification], link: str, to: Colleague) -> Words:
    """Returns the e-mail that tells what is unread, newest first; titles, and no one's words."""
    texts = _TEXTS.get(to.locale, _TEXTS["vi"])
    shown = unread[:MOST]
    count = f"{MOST}+" if len(unread) > MOST else str(len(unread))
    zone = ZoneInfo(to.zone)
    lines = [
        " · ".join(
            part
            for part in (
                f"{it.create_time.astimezone(zone):%d/%m %H:%M}",
                texts[it.kind],
                texts["count"].format(n=it.follow_up_count) if it.follow_up_count else "",
                # The subject of a request is what a customer wrote.
                it.title if it.kind is not Kind.REQUEST else "",
            )
            if part
        )
        for it in shown
    ]
    items = "".join(f"<li>{html.escape(it)}</li>" for it in lines)
    button = f'<p><a href="{html.escape(link)}">{html.escape(texts["open"])}</a></p>'
    text = "\n".join([*lines, "", link, ""])
    return Words(to.address, texts["subject"].format(n=count), text, f"<ul>{items}</ul>{button}")
