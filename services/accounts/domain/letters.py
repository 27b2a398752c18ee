"""Messages with a link or a code, or of a change, and how long they wait; what links say."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.accounts.domain import codes
from services.accounts.domain.logins import Channel


class Kind(StrEnum):
    """What a letter, and its link, is for; those of `NOTICES` say what was changed."""

    RESET = "reset"
    INVITATION = "invitation"
    CODE = "code"
    ADDRESS_CHANGED = "address_changed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_SET = "password_set"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    FACTOR_ENROLLED = "factor_enrolled"
    FACTOR_REMOVED = "factor_removed"
    FACTOR_RESET = "factor_reset"
    CODES_REPLACED = "codes_replaced"
    OIDC_LINKED = "oidc_linked"
    OIDC_UNLINKED = "oidc_unlinked"
    OIDC_RESET = "oidc_reset"


NOTICES = frozenset(Kind) - {Kind.RESET, Kind.INVITATION, Kind.CODE}
"""Ask a user whether it was them who changed how they sign in; these carry no secret."""


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
    Kind.CODE: codes.LASTS,
}
"""How long a link or code may be used."""

PATIENCE: Mapping[Kind, timedelta] = {
    Kind.RESET: timedelta(days=1),
    Kind.INVITATION: timedelta(days=7),
    Kind.CODE: codes.LASTS,
    **dict.fromkeys(NOTICES, timedelta(days=7)),
}
"""How long a letter waits for a notifier that is away."""

LEAST_LEFT: Mapping[Kind, timedelta] = {
    Kind.RESET: timedelta(minutes=5),
    Kind.INVITATION: timedelta(minutes=5),
    Kind.CODE: timedelta(minutes=2),
}
"""A link or code that ends sooner is replaced by another: it would come too late to be used."""


@dataclass(frozen=True)
class Words:
    """A message as it is handed over, the same at each try; `text` and `html` hold the secret.

    An SMS has neither subject nor html.
    """

    address: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    channel: Channel = Channel.EMAIL


@dataclass(frozen=True)
class Waiting:
    """A letter that was claimed: `attempts` counts this one.

    `recipient` is the key of the address that was typed, for a code with its browser
    (`codes.asked`), for an invitation the id of the user or login, for a notice that of the user
    and, behind slashes, its own and where else it goes.
    """

    id: UUID
    kind: Kind
    recipient: str
    attempts: int
    create_time: datetime

    @property
    def reader_id(self) -> UUID:
        """Returns the id that `recipient` begins with, where it is no address."""
        return UUID(self.recipient.partition("/")[0])

    @property
    def address(self) -> str:
        """Returns where a notice goes if not to the user's address of now, empty for that."""
        return "".join(self.recipient.split("/", 2)[2:])

    @property
    def given_up(self) -> datetime:
        """Returns when it waited for long enough."""
        return self.create_time + PATIENCE[self.kind]


@dataclass(frozen=True)
class Letter:
    """A message as the notifier gets it, which makes one of however many requests.

    `link_id` is that of its link or code, `kin` says of which kind that is in the message's name.
    """

    link_id: UUID
    reader_id: UUID
    words: Words
    not_after: datetime
    kin: str = "password"

    @property
    def request_id(self) -> str:
        """Names the message."""
        return f"{self.kin}/{self.link_id}"


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
    subject, opens = texts[f"{kind}_subject"], texts[f"{kind}_open"]
    return mail(address, subject, (hello, what), (link, opens), (until, end))


def mail(
    address: str, subject: str, before: Sequence[str], link: tuple[str, str], after: Sequence[str]
) -> Words:
    """Returns an e-mail of paragraphs with a link in between: its target and what is read on it."""
    target, opens = link
    button = f'<p><a href="{html.escape(target)}">{html.escape(opens)}</a></p>'
    shown = [f"<p>{html.escape(it)}</p>" for it in (*before, *after)]
    return Words(
        address,
        subject,
        "\n\n".join((*before, target, *after)) + "\n",
        "".join((*shown[: len(before)], button, *shown[len(before) :])),
    )
