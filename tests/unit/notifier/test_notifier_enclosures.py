"""Attachments come back from a reader as they were sent, under signatures that hold."""

import email
import email.policy
import email.utils
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.channels import mime
from services.notifier.channels.mime.enclosures import parameter
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import Attachment, Content, Enclosure
from tests.unit.notifier.domain_parts import sender
from tests.unit.notifier.test_notifier_dkim import BOTH, verified
from tests.unit.notifier.test_notifier_mime import DATE, KEY, parsed

FILES = {
    "Bảng giá tháng 11.pdf": b"%PDF-1.7\r\n.\r\n..\x00\xff",
    "a.csv": "Đào,1\n".encode(),
    "Hợp đồng " + "rất dài " * 10 + ".docx": bytes(range(256)) * 50,
}


def enclosed(files: dict[str, bytes], kind: str = "application/pdf") -> Enclosure:
    """The files as every mail has them."""
    held = {hashlib.sha256(data).hexdigest(): data for data in files.values()}
    listed = tuple(
        Attachment(name, kind, len(data), hashlib.sha256(data).hexdigest())
        for name, data in files.items()
    )
    content = Content("c" * 64, Channel.EMAIL, "S", "", "T", (), listed)
    return mime.enclosure(content, held)


def composed(enclosure: Enclosure, html: str = "<p>Chào</p>", text: str = "Chào") -> bytes:
    """A signed mail with attachments, as after DATA."""
    who = sender(display_name="Sông Hồng", address="tin@song.vn")
    composer = mime.Composer(who, Purpose.MARKETING, domain="m.vn", stream="run", sign=BOTH)
    mail = mime.Mail(KEY, "dao@example.vn", "Chào", html, text, "https://m.vn/u/t", DATE)
    return composer.compose(mail, enclosure)


class TestMail:
    def test_every_file_comes_back_behind_the_texts(self) -> None:
        got = parsed(composed(enclosed(FILES)))

        assert got.get_content_type() == "multipart/mixed"
        assert {it.get_filename(): it.get_content() for it in got.iter_attachments()} == FILES
        first = next(iter(got.iter_parts()))
        assert first.get_content_type() == "multipart/alternative"
        assert [it.get_content().strip() for it in first.iter_parts()] == ["Chào", "<p>Chào</p>"]
        assert not [it for part in got.walk() for it in part.defects]

    def test_a_mail_of_one_text_has_them_too(self) -> None:
        got = parsed(composed(enclosed(FILES), html="", text="Chỉ chữ"))

        body = got.get_body()
        assert body is not None
        assert body.get_content().strip() == "Chỉ chữ"
        assert len(list(got.iter_attachments())) == 3

    def test_it_goes_over_the_wire_as_it_is(self) -> None:
        enclosure = enclosed(FILES)
        raw = composed(enclosure)

        assert raw.endswith(enclosure.tail)
        assert b"\r\n." not in enclosure.tail
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert max(map(len, enclosure.tail.split(b"\r\n"))) <= 110

    def test_a_text_type_keeps_its_letters(self) -> None:
        csv = enclosed({"a.csv": "Đào".encode()}, "text/csv; charset=utf-8")
        (got,) = parsed(composed(csv)).iter_attachments()

        assert (got.get_content_type(), got.get_content()) == ("text/csv", "Đào")


class TestSignature:
    @given(
        html=st.text(alphabet="a. \t\n\r=-\u1ea1", max_size=100),
        text=st.text(alphabet="a. \t\n\r=-\u1ea1", max_size=100),
        data=st.binary(max_size=300),
        name=st.text(alphabet="a ạ.'\"%;", min_size=1, max_size=100),
    )
    @settings(max_examples=40)
    def test_both_algorithms_hold(self, html: str, text: str, data: bytes, name: str) -> None:
        assert verified(composed(enclosed({name: data}), html, text)) == [True, True]

    def test_a_changed_file_breaks_it(self) -> None:
        raw = composed(enclosed({"a.pdf": b"x" * 90}))

        assert verified(raw.replace(b"eHh4", b"eHh5", 1)) == [False, False]


class TestName:
    @given(
        st.text(
            alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=100
        )
        .filter(lambda name: name == name.strip())  # others are refused at the template
        .filter(lambda name: name == email.utils.unquote(name))  # the reader's own habit
    )
    def test_any_name_comes_back(self, name: str) -> None:
        lines = ";\r\n ".join(["attachment", *parameter("filename", name)])
        got = email.message_from_string(
            f"Content-Disposition: {lines}\r\n\r\n", policy=email.policy.default
        )

        assert got.get_filename() == name
        assert max(map(len, lines.split("\r\n"))) <= 110

    @pytest.mark.parametrize("name", ["bao-gia.pdf", "a"])
    def test_a_plain_word_is_written_as_it_is(self, name: str) -> None:
        assert parameter("filename", name) == [f"filename={name}"]

    def test_a_file_that_is_not_there_is_an_error(self) -> None:
        content = Content("c" * 64, Channel.EMAIL, "S", "", "T", ())
        missing = replace(content, attachments=(Attachment("a", "b/c", 1, "h"),))

        with pytest.raises(KeyError):
            mime.enclosure(missing, {})
