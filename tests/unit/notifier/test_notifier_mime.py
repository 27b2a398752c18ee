"""Mails are what strict readers accept, and no value can begin a header."""

import email
import email.policy
import uuid
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.channels import mime
from services.notifier.domain.states import Purpose
from services.notifier.domain.work import Key
from tests.unit.notifier.domain_parts import sender

KEY = Key(date(2026, 11, 21), uuid.UUID(int=77))
DATE = "Sat, 21 Nov 2026 12:00:00 +0700"


def composed(
    subject: str = "Chào", html: str = "<p>Chào</p>", text: str = "Chào", name: str = "Sông Hồng"
) -> bytes:
    """The bytes of one mail, as after DATA."""
    composer = mime.Composer(
        sender(display_name=name, address="a@b.vn"), Purpose.CARE, domain="m.vn", stream="run"
    )
    return composer.compose(
        mime.Mail(KEY, "dao@example.vn", subject, html, text, "https://m.vn/u/t", DATE)
    )


def parsed(raw: bytes) -> email.message.EmailMessage:
    """As a reader sees it, the stuffed dots taken out."""
    raw = raw.replace(b"\r\n..", b"\r\n.")
    return email.message_from_bytes(raw, policy=email.policy.default)


class TestMail:
    def test_both_bodies_and_every_header_come_back(self) -> None:
        got = parsed(composed())

        assert got["From"] == "Sông Hồng <a@b.vn>"
        assert got["Message-ID"] == f"<{KEY.message_id}@m.vn>"
        assert got["X-Mekong-Message-Id"] == str(KEY.message_id)
        assert got["Auto-Submitted"] == "auto-generated"
        assert got["List-Unsubscribe"] == "<https://m.vn/u/t>"
        assert got["List-Id"].endswith(".lists.m.vn>")
        assert not got.defects
        bodies = [part.get_content().strip() for part in got.iter_parts()]
        assert bodies == ["Chào", "<p>Chào</p>"]

    @given(st.text(max_size=300))
    def test_no_subject_can_begin_a_header(self, subject: str) -> None:
        raw = composed(subject=subject)
        head = raw.partition(b"\r\n\r\n")[0]

        lines = [line for line in head.split(b"\r\n") if line[:1] not in b" \t"]
        names = [line.partition(b":")[0] for line in lines]
        assert names.count(b"Subject") == 1
        assert len(names) == 13
        assert b"\n" not in head.replace(b"\r\n", b"")
        assert max(map(len, head.split(b"\r\n"))) <= 998

    @given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=500))
    def test_bodies_are_lines_of_a_fitting_length_and_no_lone_dot(self, text: str) -> None:
        raw = composed(html="", text=text)

        assert b"\r\n.\r\n" not in raw
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert max(map(len, raw.split(b"\r\n"))) <= 998

    @given(st.text(alphabet="ab.=\n ", max_size=200))
    def test_text_comes_back_as_it_was(self, text: str) -> None:
        got = parsed(composed(html="", text=f"x{text}x"))

        assert got.get_content().strip().replace("\r\n", "\n") == f"x{text}x"

    def test_a_name_with_commas_and_quotes_is_one_mailbox(self) -> None:
        got = parsed(composed(name='Ngân, "Bank" <x@y.vn>'))

        assert [it.addr_spec for it in got["From"].addresses] == ["a@b.vn"]
