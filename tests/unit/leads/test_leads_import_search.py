"""Whoever is erased is found in files however they are written, and nobody else is."""

from uuid import UUID

import pytest

from services.erasing import Person
from services.leads.domain.import_search import Reading, Search

AN = Search(
    Person(
        (UUID(int=1),),
        emails=("an@gmail.com",),
        phones=("+84912345678",),
        spellings=("0912345678",),
        names=("Lê An",),
    )
)


class TestSearch:
    @pytest.mark.parametrize(
        "text",
        [
            "Lê An,an@gmail.com,",
            "AN@GMAIL.COM",
            "x;0912 345-678;y",
            "+84 912.345.678",
            "84912345678",
            "912345678",
            "(+84) 912 345 678",
            "TEL;TYPE=CELL:0912345678\n",
        ],
    )
    def test_one_is_found(self, text: str) -> None:
        assert AN.find(text)

    @pytest.mark.parametrize(
        "text",
        [
            "Lê An",
            "tuan@gmail.com",
            "an@gmail.com.vn",
            "9123456789",
            "1912345678",
            "0912345679",
        ],
    )
    def test_nobody_else_is(self, text: str) -> None:
        assert not AN.find(text)

    def test_without_addresses_there_is_nothing_to_look_for(self) -> None:
        assert Search(Person((UUID(int=1),), names=("Lê An",))).is_empty
        assert not AN.is_empty


class TestReading:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1258"])
    @pytest.mark.parametrize("cut", [70_000, 70_004, 70_007])
    def test_one_who_crosses_from_a_part_into_the_next_is_found(
        self, encoding: str, cut: int
    ) -> None:
        whole = ("x " * 35_000 + "0912 345 678 " + "y " * 35_000).encode(encoding)
        place = cut * len(whole) // (140_013 if encoding != "utf-16" else 140_014)
        reading = Reading(AN, encoding)

        assert reading.feed(whole[:place], last=False) or reading.feed(whole[place:], last=True)

    def test_of_others_no_part_tells(self) -> None:
        reading = Reading(AN, "utf-8")

        others = b"tuan@gmail.com,\xff0902345678\n" * 5_000
        assert not any(reading.feed(others, last=it == 2) for it in range(3))

    @pytest.mark.parametrize("shift", range(-20, 20))
    def test_what_is_cut_off_at_an_end_is_nobody_else(self, shift: int) -> None:
        for place in (64 * 1024, 64 * 1024 - 400):
            text = "x " * ((place + shift) // 2) + "tuan@gmail.com.vn 20912345678" + " y" * 900
            reading = Reading(AN, "utf-8")

            assert not reading.feed(text.encode(), last=True)

    def test_one_at_the_very_ends_is_found(self) -> None:
        for text in (b"an@gmail.com,x", b"x,an@gmail.com"):
            assert Reading(AN, "utf-8").feed(text, last=True)
        for text in (b"an@gmail.com", b"x an@gmail.com"):
            reading = Reading(AN, "utf-8")
            assert not reading.feed(text, last=False)
            assert reading.feed(b"", last=True)
