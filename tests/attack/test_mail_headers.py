"""No name, subject or address can begin a header of a mail, nor a command of SMTP."""

import email
import email.policy
import re
import uuid
from datetime import date

import pytest

from services.notifier.channels import mime
from services.notifier.channels.mime import enclosures
from services.notifier.domain import addresses
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import Key
from tests.unit.notifier.domain_parts import sender

KEY = Key(date(2026, 11, 21), uuid.UUID(int=77))
DATE = "Sat, 21 Nov 2026 12:00:00 +0700"
BREAKS = [
    "\r\n",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\u2029",
    "\r\n\r\n",
    "=0D=0A",
    "\x00",
]
WRITTEN = ["display_name", "advertiser_name", "reply_to", "address", "subject", "to", "url"]


def composed(**given: str) -> bytes:
    """A mail whose parts are as somebody wrote them."""
    whole = {
        "display_name": "Sông Hồng",
        "advertiser_name": "Sông Hồng",
        "reply_to": "c@d.vn",
        "address": "a@b.vn",
        "subject": "Chào",
        "to": "dao@example.vn",
        "url": "https://m.vn/u/t",
    } | given
    fields = ("display_name", "advertiser_name", "reply_to", "address")
    who = sender(**{name: whole[name] for name in fields})
    composer = mime.Composer(who, Purpose.CARE, domain="m.vn", stream="run")
    mail = mime.Mail(KEY, whole["to"], whole["subject"], "<p>x</p>", "x", whole["url"], DATE)
    return composer.compose(mail)


def names(raw: bytes) -> list[str]:
    return [name.lower() for name in email.message_from_bytes(raw, policy=email.policy.SMTP)]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("broken", BREAKS, ids=range(len(BREAKS)))
class TestHeaders:
    def test_a_line_break_begins_none(self, written: str, broken: str) -> None:
        raw = composed(**{written: f"x{broken}Bcc: evil@example.org{broken}{broken}Hello"})

        assert names(raw) == names(composed())
        head = raw.partition(b"\r\n\r\n")[0]
        assert re.findall(rb"(?im)^bcc", head) == []
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", raw)


class TestAttachments:
    @pytest.mark.parametrize("broken", BREAKS, ids=range(len(BREAKS)))
    def test_no_file_name_begins_a_header(self, broken: str) -> None:
        said = enclosures.parameter("filename", f'a{broken}Bcc: x"; filename=b.exe')

        assert all(re.fullmatch(r"[\x21-\x7e]+", it) for it in said)
        assert not any('"' in it or ";" in it for it in said)


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "a@b.vn\r\nRCPT TO:<evil@example.org>",
            "a@b.vn>\r\nDATA",
            "a@b.vn> SIZE=1",
            "<a@b.vn>",
            "a@b.vn,evil@example.org",
            "a@b.vn\x00",
            '"a\r\nb"@b.vn',
            "a b@c.vn",
            "a@b.vn\u2028x",
        ],
    )
    def test_one_that_holds_a_command_is_none(self, address: str) -> None:
        assert addresses.normalised(Channel.EMAIL, address) is None
