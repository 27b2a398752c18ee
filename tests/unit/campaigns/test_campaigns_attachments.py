"""Which files may go with an e-mail, and why others may not."""

import pytest

from chassis.attachments import Attachment, File
from services.campaigns.domain import attachments, templates
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.templates import Admitted, Draft

MIB = 2**20
PDF = b"%PDF-1.7 "


def held(*sizes: int) -> list[Attachment]:
    """Files a template has already."""
    return [Attachment(f"{n}.pdf", "application/pdf", size, "h") for n, size in enumerate(sizes)]


def wrong(name: str, data: bytes = PDF, *sizes: int) -> list[tuple[str, str]]:
    """What forbids a file, as field and reason."""
    found = attachments.violations(held(*sizes), File.given(name, data))
    return [(it.field, it.description) for it in found]


class TestViolations:
    @pytest.mark.parametrize(
        "name", ["báo giá.pdf", "a", "x" * 100, "Bảng (1).xlsx", "a.exe.pdf", "ảnh 🎉.png"]
    )
    def test_ordinary_files_go(self, name: str) -> None:
        assert wrong(name) == []

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("", "needs a name"),
            ("  ", "needs a name"),
            ("x" * 101, "longer than 100"),
            ("../a.pdf", "path"),
            ("C:\\a.pdf", "path"),
            ("a\nb.pdf", "do not show"),
            ("a\x00.pdf", "do not show"),
            ("hoa\u202efdp.scr", "do not show"),
            ("a\u2028.pdf", "do not show"),
            (".pdf", "dot or a space"),
            ("a.exe.", "dot or a space"),
            ("a.pdf ", "dot or a space"),
            ("a.EXE", "would run"),
            ("a.pdf.js", "would run"),
            ("a.docm", "would run"),
            ("a.html", "would run"),
            ("1.pdf", "attached already"),
            ("1.PDF", "attached already"),
        ],
    )
    def test_a_bad_name_is_refused(self, name: str, why: str) -> None:
        ((field, said),) = wrong(name, PDF, 1, 1)

        assert field == "name"
        assert why in said

    def test_one_name_written_in_two_ways_is_one(self) -> None:
        kept = [attachments.described(File.given("gia\u0301.pdf", PDF))]

        found = attachments.violations(kept, File.given("gi\u00e1.pdf", PDF))

        assert [it.description for it in found] == ["a file of this name is attached already"]

    @pytest.mark.parametrize(
        "data", [b"MZ\x90", b"\x7fELF\x02", b"#!/bin/sh", b"\xef\xbb\xbf#!x", b"\xca\xfe\xba\xbe"]
    )
    def test_a_program_is_refused_whatever_its_name(self, data: bytes) -> None:
        assert wrong("a.pdf", data) == [("data", "the file is a program, whatever its name")]

    def test_an_empty_file_is_refused(self) -> None:
        assert wrong("a.pdf", b"") == [("data", "the file is empty")]

    def test_sizes_are_exact(self) -> None:
        assert wrong("a.pdf", b"x" * 3 * MIB) == []
        assert wrong("a.pdf", b"x" * (3 * MIB + 1)) == [("data", "the file is larger than 3 MiB")]
        assert wrong("a.pdf", b"x" * MIB, 3 * MIB, MIB) == []
        assert wrong("a.pdf", b"x" * (MIB + 1), 3 * MIB, MIB) == [
            ("data", "the files of a template are larger than 5 MiB in all")
        ]

    def test_there_are_at_most_five(self) -> None:
        assert wrong("a.pdf", PDF, 1, 1, 1, 1) == []
        assert wrong("a.pdf", PDF, 1, 1, 1, 1, 1) == [("data", "a template has at most 5 files")]

    def test_every_bad_part_is_named(self) -> None:
        assert [field for field, _ in wrong("a.exe", b"")] == ["name", "data"]


class TestAttachment:
    @pytest.mark.parametrize(
        ("name", "data", "kind"),
        [
            ("a.PDF", PDF, "application/pdf"),
            ("a.csv", "Đào".encode(), "text/csv; charset=utf-8"),
            ("a.txt", b"\xff\xfeD", "application/octet-stream"),
            ("a.bi-mat", PDF, "application/octet-stream"),
            ("khong", PDF, "application/octet-stream"),
        ],
    )
    def test_its_type_is_told_from_its_name(self, name: str, data: bytes, kind: str) -> None:
        assert attachments.described(File.given(name, data)).media_type == kind


class TestContent:
    def test_its_hash_covers_names_and_bytes_of_files(self) -> None:
        draft = Draft("n", Channel.EMAIL, "s", "<p>h</p>", "t")
        plain = templates.content(Admitted(draft, {"subject": "s", "html": "h", "text": "t"}, ()))
        of = [
            templates.with_attachments(plain, (attachments.described(File.given(name, data)),)).hash
            for name, data in [("a.pdf", b"1"), ("b.pdf", b"1"), ("a.pdf", b"2")]
        ]

        assert len({plain.hash, *of}) == 4
        assert templates.with_attachments(plain, ()) == plain
