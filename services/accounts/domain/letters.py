"""E-mails with a link to choose a password."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """What a letter, and its link, is for."""

    RESET = "reset"
    INVITATION = "invitation"


class State(StrEnum):
    """How far a letter is."""

    WAITING = "waiting"
    HANDED_OVER = "handed_over"
    SKIPPED = "skipped"
    FAILED = "failed"


class Reason(StrEnum):
    """Why one did not go; the notifier's own reasons come besides."""

    ENDED = "ENDED"
    TOO_LATE = "TOO_LATE"
    SENDER_MISSING = "SENDER_MISSING"


LASTS: Mapping[Kind, timedelta] = {
    Kind.RESET: timedelta(minutes=30),
    Kind.INVITATION: timedelta(days=7),
}
"""How long a link may be used."""

PATIENCE: Mapping[Kind, timedelta] = {
    Kind.RESET: timedelta(days=1),
    Kind.INVITATION: timedelta(days=7),
}
"""How long a letter waits for a notifier that is away."""


@dataclass(frozen=True)
class Words:
    """An e-mail as it is handed over, the same at each try; `text` and `html` hold the secret."""

    address: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True)
class Waiting:
    """A letter that was claimed: `attempts` counts this one.

    `recipient` is the key of the address that was typed, for an invitation the user's id.
    """

    id: UUID
    kind: Kind
    recipient: str
    attempts: int


@dataclass(frozen=True)
class Letter:
    """A mail as the notifier gets it, which makes one message of however many requests."""

    link_id: UUID
    user_id: UUID
    words: Words
    not_after: datetime

    @property
    def request_id(self) -> str:
        """Names the message."""
        return f"password/{self.link_id}"


_TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "hello": "Chào {name},",
        "reset_subject": "Đặt lại mật khẩu Mekong",
        "reset": "Có người, chắc là bạn, muốn đặt lại mật khẩu Mekong của bạn.",
        "reset_until": "Liên kết dùng được một lần, trong 30 phút.",
        "reset_open": "Chọn mật khẩu mới",
        "reset_end": "Nếu không phải bạn, hãy bỏ qua thư này: mật khẩu của bạn vẫn như cũ.",
        "invitation_subject": "Mời bạn vào Mekong",
        "invitation": "Bạn đã có tài khoản Mekong với địa chỉ {address}.",
        "invitation_until": "Liên kết dùng được một lần, trong 7 ngày.",
        "invitation_open": "Chọn mật khẩu",
        "invitation_end": "Nếu bạn không biết gì về việc này, hãy bỏ qua thư này.",
    },
    "en": {
        "hello": "Hello {name},",
        "reset_subject": "Reset your Mekong password",
        "reset": "Somebody, probably you, wants to reset your Mekong password.",
        "reset_until": "The link works once, for 30 minutes.",
        "reset_open": "Choose a new password",
        "reset_end": "If it was not you, ignore this mail: your password stays as it is.",
        "invitation_subject": "You are invited to Mekong",
        "invitation": "You have an account at Mekong, with the address {address}.",
        "invitation_until": "The link works once, for 7 days.",
        "invitation_open": "Choose a password",
        "invitation_end": "If you know nothing of this, ignore this mail.",
    },
}


def written(kind: Kind, link: str, name: str, address: str, locale: str) -> Words:
    """Returns the e-mail that brings somebody a link."""
    texts = _TEXTS.get(locale, _TEXTS["vi"])
    said = {"name": name, "address": address}
    hello, what, until, end = (
        texts[key].format(**said) for key in ("hello", kind, f"{kind}_until", f"{kind}_end")
    )
    button = f'<p><a href="{html.escape(link)}">{html.escape(texts[f"{kind}_open"])}</a></p>'
    shown = [f"<p>{html.escape(it)}</p>" for it in (hello, what, until, end)]
    return Words(
        address,
        texts[f"{kind}_subject"],
        "\n\n".join((hello, what, link, until, end)) + "\n",
        "".join((*shown[:2], button, *shown[2:])),
    )
