"""What is read at a stroke is what is read the long way, or is left to it."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.leads.domain import import_plain, import_rows
from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.files import headers
from services.leads.domain.files.shape import Shape
from services.leads.domain.import_rows import Ready
from services.leads.domain.importing import Consent, Import, Row, State

NOW = datetime(2026, 9, 1, tzinfo=UTC)
COLUMNS = (*headers.FIELDS, "phone 2", "tags 2", "Ghi chú", "shoe size")
FIELDS = (*headers.FIELDS, "phone", "tags", "description", "")
PLAIN = {
    "family_name": "Lê",
    "given_name": "Văn An",
    "display_name": "Lê Văn An",
    "salutation": "Anh",
    "phone": "0901 234 567",
    "email": "An.Le+x@A.example",
    "company": "Công ty Xanh",
    "job_title": "Giám đốc",
    "gender": "Nam",
    "birthday": "14/1/2001",
    "street": "22 Lý Thường Kiệt",
    "ward": "Xuân Hương - Đà Lạt",
    "province": "Lâm Đồng",
    "postal_code": "66000",
    "source": "Website",
    "tags": "vip, Mẫu; mới",
    "description": "khách quen",
    "external_id": "A-7",
    "reference_code": "K7",
    "create_time": "2026-03-01T08:00:00+07:00",
    "consent_evidence": "phiếu 1",
    "consent_time": "20:51:00 29/4/2026",
    "consent_channels": "SMS, Email",
    "phone 2": "+84 912.345.678",
    "tags 2": "vip",
    "Ghi chú": "gọi sau",
    "shoe size": "42",
}
ODD = st.sampled_from(
    [
        *(
            "",
            "-",
            "N/A",
            "không có",
            " An",
            "An ",
            "A  B",
            "A | B",
            "A ::: B",
            "a;b",
            "a\nb",
            "\tA",
        ),
        *("'=1+1", "'+84901234567", "'-", "'", "A | '=1", "A|'=1"),
        *("p:0901234567", "l:123", "0901234567", "901234567", "'0901234567", "+1 650 253 0000"),
        *("0123", "a@b", "a@b.example", "A@B.EXAMPLE", "đ@b.example", '"q"@b.example', "a@x.test"),
        *("31/2/2001", "29/2", "--1231", "1990-12-31", "1/1/1800", "Tỉnh Lâm Đồng", "Sài Gòn"),
        *("25:00:00 1/1/2026", "9:05:07 1/2/2026", "1/2/2026", "23:59:59 31/12/1970", "2027-01-01"),
        *("20:51 29/4/2026", "Nguyễn", "nguyen thi b", "Nguyễn ", "e\u0301", "\u0301e", "x" * 130),
        *("x" * 250, "Tax\u00a0x", "\u200bx", "\x00", "zalo", "thư", "<test lead: dummy>", "nữ"),
    ]
)
CELLS = st.one_of(ODD, st.text(max_size=30), st.text("0123456789 +./:-", max_size=14))
ROWS = st.fixed_dictionaries({name: st.just(PLAIN[name]) | st.just("") for name in COLUMNS})


def current(*, consent: bool = True, columns: tuple[str, ...] = COLUMNS) -> Import:
    fields = tuple(FIELDS[COLUMNS.index(it)] for it in columns)
    given_ = Consent(
        advertiser_id=uuid.UUID(int=7),
        purposes=(Purpose.MARKETING,),
        channels=(Channel.SMS, Channel.EMAIL),
    )
    return Import(
        id=uuid.UUID(int=1),
        state=State.RUNNING,
        file_name="people.csv",
        file_size=1,
        shape=Shape("csv", "utf-8", ",", True, columns, fields, ()),
        create_time=NOW,
        creator="an",
        consent=given_ if consent else None,
        tags=("mẫu",),
    )


def both(it: Import, row: list[str]) -> tuple[Ready | Row, Ready | Row]:
    reader = import_rows.Reader(it, home_region="vn")
    long = import_rows.prepare(it, 1, row, home_region="vn", now=NOW)
    return reader.ready(1, row, NOW), long


class TestTheTwoWays:
    @given(row=ROWS, odd=st.dictionaries(st.sampled_from(COLUMNS), CELLS, max_size=3))
    @example(row=PLAIN, odd={})
    @example(row=PLAIN, odd={"phone 2": "0901234567"})
    @example(row=dict.fromkeys(COLUMNS, ""), odd={"display_name": "Lê An"})
    def test_agree_about_any_row(self, row: dict[str, str], odd: dict[str, str]) -> None:
        short, long = both(current(), list((row | odd).values()))

        assert short == long

    @given(columns=st.sets(st.sampled_from(COLUMNS), min_size=1), length=st.integers(0, 30))
    def test_agree_whatever_columns_a_file_has(self, columns: set[str], length: int) -> None:
        chosen = tuple(it for it in COLUMNS if it in columns)
        row = [*(PLAIN[it] for it in chosen), "more"][:length]

        short, long = both(current(consent=length % 2 == 0, columns=chosen), row)

        assert short == long

    def test_the_rows_of_a_spreadsheet_are_plain(self) -> None:
        it = import_plain.Columns(current(), home_region="vn")

        said = it.read(list(PLAIN.values()))

        assert said[0].display_name == "Lê Văn An"

    def test_what_is_not_plain_is_left_to_the_long_way(self) -> None:
        it = import_plain.Columns(current(), home_region="vn")

        with pytest.raises(import_plain.Doubt):
            it.read(list((PLAIN | {"phone": "+1 650 253 0000"}).values()))
