"""What a file is, told by its first bytes."""

import unicodedata

import pytest

from services.leads.domain.files import shape
from services.leads.domain.files.encoding import Unreadable

VIETNAMESE = "Họ và tên;Số điện thoại;Ghi chú\nNguyễn Đức Hưởng;0901234567;Đã gặp\n"
FACEBOOK = (
    "id\tcreated_time\tad_id\tform_id\tis_organic\tplatform\tfull_name\tphone_number\t"
    "bạn_cần_gì?\tlead_status\n"
    "l:1\t2026-01-02T03:04:05+07:00\tag:1\tf:1\tFALSE\tfb\tLê Văn An\tp:0901234567\tTư vấn\tnew\n"
)


def cp1258(text: str) -> bytes:
    """Write as windows-1258 does: tones are letters of their own."""
    out = b""
    for letter in unicodedata.normalize("NFC", text):
        spread = unicodedata.normalize("NFD", letter)
        tones = "".join(it for it in spread if it in "\u0300\u0301\u0303\u0309\u0323")
        base = unicodedata.normalize("NFC", "".join(it for it in spread if it not in tones))
        out += base.encode("cp1258") + tones.encode("cp1258")
    return out


class TestEncodings:
    @pytest.mark.parametrize(
        ("data", "codec"),
        [
            (VIETNAMESE.encode(), "utf-8"),
            (VIETNAMESE.encode("utf-8-sig"), "utf-8-sig"),
            (VIETNAMESE.encode("utf-16"), "utf-16"),
            (b"\xfe\xff" + VIETNAMESE.encode("utf-16-be"), "utf-16"),
            (cp1258(VIETNAMESE), "cp1258"),
            (unicodedata.normalize("NFD", VIETNAMESE).encode(), "utf-8"),
        ],
    )
    def test_each_gives_the_same_columns(self, data: bytes, codec: str) -> None:
        found = shape.recognise(data, whole=True)

        assert found.encoding == codec
        assert found.delimiter == ";"
        assert found.fields == ("display_name", "phone", "description")

    def test_a_letter_cut_at_the_samples_end_does_not_spoil_utf8(self) -> None:
        data = VIETNAMESE.encode()
        cut = data.index("Đ".encode()) + 1

        assert shape.recognise(data[:cut], whole=False).encoding == "utf-8"

    @pytest.mark.parametrize(
        ("data", "detected"),
        [
            (b"PK\x03\x04rest", "xlsx"),
            (b"\xd0\xcf\x11\xe0rest", "xls"),
            (b"%PDF-1.7", "pdf"),
            (b"\x89PNG\r\n", "png"),
            (b"\x7fELF\x02\x01\x01\x00\x00", "binary"),
            (b"", "empty"),
            (b" \n\n", "empty"),
            (b"nothing,here\nis,known\n", "text"),
            (b'name,phone\n"never closed' + b"x" * 30_000, "text"),
        ],
    )
    def test_what_is_no_table_of_people_is_named(self, data: bytes, detected: str) -> None:
        with pytest.raises(Unreadable) as refused:
            shape.recognise(data, whole=True)

        assert refused.value.detected == detected
        assert refused.value.why


class TestTables:
    @pytest.mark.parametrize("mark", ["\t", ";", ",", "|"])
    def test_the_delimiter_is_the_one_most_rows_agree_on(self, mark: str) -> None:
        data = f"Name{mark}Email\nAn, con{mark}an@a.example\n".replace(", con", "").encode()

        assert shape.recognise(data, whole=True).delimiter == mark

    def test_without_a_header_columns_are_told_by_what_they_hold(self) -> None:
        data = b"Le Van An,0901234567,an@a.example\nTran Thi Binh,0902345678,binh@a.example\n"

        found = shape.recognise(data, whole=True)

        assert not found.has_header
        assert found.columns == ("column 1", "column 2", "column 3")
        assert found.fields == ("display_name", "phone", "email")

    def test_ragged_rows_and_repeated_headers_are_taken(self) -> None:
        found = shape.recognise(
            b"Name,Phone,Phone\nAn,0901234567,0902345678,extra\nB\n", whole=True
        )

        assert found.columns == ("Name", "Phone", "Phone (3)", "column 4")
        assert found.fields == ("display_name", "phone", "phone", "")

    def test_quoted_cells_may_hold_line_ends(self) -> None:
        text = 'Name,Note\nAn,"two\nlines"\nBinh,one\n'
        found = shape.recognise(text.encode(), whole=True)

        rows = list(shape.records(iter(text.splitlines(keepends=True)), found))

        assert rows == [["An", "two\nlines"], ["Binh", "one"]]


class TestFacebook:
    def test_it_is_known_by_its_columns_and_answers_become_notes(self) -> None:
        found = shape.recognise(FACEBOOK.encode("utf-16"), whole=True)

        assert (found.kind, found.delimiter) == ("facebook", "\t")
        mapped = dict(zip(found.columns, found.fields, strict=True))
        assert mapped["id"] == "external_id"
        assert mapped["phone_number"] == "phone"
        assert mapped["bạn_cần_gì?"] == "description"
        assert mapped["ad_id"] == mapped["lead_status"] == ""
