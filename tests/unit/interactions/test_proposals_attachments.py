"""Which files may go with a proposal, told by name and by content."""

import pytest

from chassis.attachments import Attachment, File
from services.gateway.web import words
from services.interactions.domain.proposals import attachments
from tests.unit.interactions.attachment_parts import PDF, PNG, WEBP, archive, office, opened

MIB = 2**20
NOT_ITSELF = [("data", "the file is not what its name says")]
MACROS = [("data", "the file holds macros, which are programs")]
GOOD = {
    "a.pdf": PDF,
    "báo giá.PDF": PDF,
    "a.png": PNG,
    "a.jpg": b"\xff\xd8\xff\xe0",
    "a.jpeg": b"\xff\xd8\xff\xe1",
    "a.gif": b"GIF89a",
    "a.webp": WEBP,
    "a.docx": office("word"),
    "a.xlsx": office("xl"),
    "a.pptx": office("ppt"),
    "a.odt": opened("text"),
    "a.ods": opened("spreadsheet"),
    "a.odp": opened("presentation"),
}


def held(*sizes: int) -> list[Attachment]:
    """Files that a proposal has already."""
    return [Attachment(f"{n}.pdf", "application/pdf", size, "h") for n, size in enumerate(sizes)]


def wrong(name: str, data: bytes = PDF, *sizes: int) -> list[tuple[str, str]]:
    """What forbids a file, as field and reason."""
    found = attachments.violations(held(*sizes), File.given(name, data), "a proposal")
    return [(it.field, it.description) for it in found]


class TestKinds:
    @pytest.mark.parametrize("name", GOOD)
    def test_each_kind_that_customers_open_goes(self, name: str) -> None:
        assert wrong(name, GOOD[name]) == []

    @pytest.mark.parametrize(
        "name", ["a", "a.exe", "a.html", "a.svg", "a.zip", "a.txt", "a.docm", "a.doc", "a.pdf.js"]
    )
    def test_others_are_refused_by_name(self, name: str) -> None:
        ((field, why),) = wrong(name)

        assert field == "name"
        assert why.startswith("files of this kind are not sent, only pdf, png, ")

    @pytest.mark.parametrize("name", [it for it in GOOD if it != "báo giá.PDF"])
    def test_none_goes_under_the_name_of_another(self, name: str) -> None:
        same = {"a.jpg": "a.jpeg", "a.jpeg": "a.jpg"}.get(name)
        others = [it for it in GOOD.values() if it not in (GOOD[name], GOOD.get(same or ""))]

        assert [wrong(name, it) for it in others] == [NOT_ITSELF] * len(others)

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("a.pdf", b"MZ\x90"),
            ("a.pdf", b"<html>%PDF-1.7"),
            ("a.png", b"<svg/>"),
            ("a.docx", archive("word/main.xml")),
            ("a.docx", b"PK\x03\x04 broken"),
            ("a.docx", b"<script>" + office("word")),
            ("a.docx", office("word")[:-30]),
            ("a.odt", archive("mimetype")),
            ("a.odt", archive(first=("mimetype", b"application/vnd.oasis.opendocument.text-x"))),
        ],
    )
    def test_what_only_looks_like_it_is_refused(self, name: str, data: bytes) -> None:
        assert wrong(name, data) == NOT_ITSELF

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("a.docx", office("word", "word/vbaProject.bin")),
            ("a.xlsx", office("xl", "xl/VBAPROJECT.BIN")),
            ("a.xlsx", office("xl", "xl/macrosheets/sheet1.xml")),
            ("a.odt", opened("text", "Basic/Standard/script-lb.xml")),
            ("a.ods", opened("spreadsheet", "Scripts/python/a.py")),
        ],
    )
    def test_macros_do_not_go(self, name: str, data: bytes) -> None:
        assert wrong(name, data) == MACROS


class TestLimits:
    def test_an_empty_file_is_refused(self) -> None:
        assert wrong("a.pdf", b"") == [("data", "the file is empty")]

    def test_sizes_and_numbers_are_exact(self) -> None:
        assert wrong("a.pdf", PDF.ljust(3 * MIB)) == []
        assert wrong("a.pdf", PDF.ljust(3 * MIB + 1)) == [("data", "the file is larger than 3 MiB")]
        assert wrong("a.pdf", PDF.ljust(MIB), 3 * MIB, MIB) == []
        assert wrong("a.pdf", PDF.ljust(MIB + 1), 3 * MIB, MIB) == [
            ("data", "the files of a proposal are larger than 5 MiB in all")
        ]
        assert wrong("a.pdf", PDF, 1, 1, 1, 1) == []
        assert wrong("a.pdf", PDF, 1, 1, 1, 1, 1) == [("data", "a proposal has at most 5 files")]

    def test_a_name_that_is_taken_is_refused(self) -> None:
        assert wrong("0.PDF", PDF, 1) == [("name", "a file of this name is attached already")]

    def test_every_reason_is_told_in_vietnamese(self) -> None:
        said = [
            *wrong("a.exe"),
            *wrong("a.pdf", PNG),
            *wrong("a.docx", office("word", "vbaProject.bin")),
            *wrong("a.pdf", PDF, *[1] * 5),
            *wrong("a.pdf", PDF, 5 * MIB),
            *wrong("a.pdf", b""),
        ]

        assert len(said) == 6
        assert [it for _, it in said if words.complaint("vi", it).lower() == it.lower()] == []


class TestDescribed:
    def test_its_type_is_that_of_its_content(self) -> None:
        found = attachments.described(File.given("a.PDF", PDF))

        assert (found.name, found.media_type, found.size) == ("a.PDF", "application/pdf", len(PDF))


def one(name: str, content: str = "1") -> Attachment:
    return Attachment(name, "application/pdf", 1, content)


class TestExchanged:
    def test_what_the_template_no_longer_has_goes_and_what_is_new_comes(self) -> None:
        own = one("own.pdf")

        found = attachments.exchanged(
            [one("a.pdf"), one("b.pdf"), own],
            [one("a.pdf"), one("b.pdf")],
            [one("b.pdf"), one("c.pdf")],
        )

        assert found == (one("b.pdf"), one("c.pdf"), own)

    def test_another_content_under_the_same_name_takes_its_place(self) -> None:
        found = attachments.exchanged([one("a.pdf")], [one("a.pdf")], [one("a.pdf", "2")])

        assert found == (one("a.pdf", "2"),)

    def test_what_was_removed_by_hand_stays_away(self) -> None:
        assert attachments.exchanged([], [one("a.pdf")], [one("a.pdf")]) == ()

    def test_the_proposals_own_file_stays_under_its_name(self) -> None:
        own = one("A.pdf", "own")

        assert attachments.exchanged([own], [], [one("a.pdf")]) == (own,)
