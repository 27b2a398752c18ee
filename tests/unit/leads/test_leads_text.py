"""Names as Vietnamese readers order them, and text as people type it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.leads.domain import listing, names, text


def in_order(*whole_names: str) -> list[str]:
    return sorted(whole_names, key=lambda it: text.sort_key("", "", it))


class TestSortKey:
    def test_letters_follow_the_alphabet(self) -> None:
        alphabet = "a ă â b c d đ e ê f g h i j k l m n o ô ơ p q r s t u ư v w x y z".split()

        assert in_order(*reversed(alphabet)) == alphabet

    def test_tones_follow_the_dictionary(self) -> None:
        tones = ["ma", "mà", "mả", "mã", "má", "mạ"]

        assert in_order(*reversed(tones)) == tones

    def test_a_tone_counts_less_than_any_letter_of_its_syllable(self) -> None:
        assert in_order("Anh", "Ánh", "An", "Ân", "Án") == ["An", "Án", "Anh", "Ánh", "Ân"]

    def test_the_given_name_counts_first_then_the_middle_then_the_family(self) -> None:
        ordered = ["Trần An", "Lê Văn An", "Trần Văn An", "Lê Bình"]

        assert in_order(*reversed(ordered)) == ordered

    def test_parts_and_whole_give_one_key(self) -> None:
        parts = text.sort_key("Nguyễn", "Thị Minh Khai", "whatever")

        assert parts == text.sort_key("", "", "Nguyễn Thị Minh Khai")

    def test_case_and_composition_do_not_matter(self) -> None:
        written = "NGUYỄN Thị Đào"

        spellings = (written, written.title())
        composed = [unicodedata.normalize("NFC", it) for it in spellings]
        decomposed = [unicodedata.normalize("NFD", it) for it in spellings]
        keys = {text.sort_key("", "", it) for it in (*composed, *decomposed)}

        assert len(keys) == 1

    def test_digits_come_first_and_other_scripts_last(self) -> None:
        assert in_order("王", "z", "9") == ["9", "z", "王"]

    @given(st.text(max_size=200))
    def test_any_name_has_a_key_that_an_index_can_hold(self, name: str) -> None:
        assert len(text.sort_key("", "", name).encode("utf-8", "replace")) < 2_600


class TestFold:
    @pytest.mark.parametrize(
        ("written", "folded"),
        [("Đào", "dao"), ("NGUYỆT", "nguyet"), ("Ho\u0300a", "hoa"), ("Hoà", "hoa"), ("ơư", "ou")],
    )
    def test_accents_and_case_are_gone(self, written: str, folded: str) -> None:
        assert text.fold(written) == folded

    @given(st.text())
    def test_folding_twice_changes_nothing_more(self, written: str) -> None:
        assert text.fold(text.fold(written)) == text.fold(written)


class TestLine:
    def test_spaces_are_single_and_text_is_composed(self) -> None:
        assert text.line("  Đa\u0300o \t\n Hoa\u00a0An ") == "Đào Hoa An"

    @pytest.mark.parametrize("bad", ["a\x00b", "\x1b[31m", "\ud800"])
    def test_what_no_text_holds_is_told(self, bad: str) -> None:
        assert not text.is_clean(bad)
        assert text.is_clean("Đào\n\tHoa")


class TestDisplayName:
    @pytest.mark.parametrize(
        ("locale", "shown"),
        [("vi", "Nguyễn Văn An"), ("vi-VN", "Nguyễn Văn An"), ("en", "Văn An Nguyễn")],
    )
    def test_the_locale_says_which_part_comes_first(self, locale: str, shown: str) -> None:
        assert names.display("Nguyễn", "Văn An", locale) == shown

    def test_a_missing_part_leaves_no_space(self) -> None:
        assert names.display("", "An", "vi") == "An"


class TestWordsOfAQuery:
    @pytest.mark.parametrize(
        "query", ["0912 345 678", "0912.345.678", "(0912) 345-678", "0912345678"]
    )
    def test_a_phone_is_one_part_however_it_is_spaced(self, query: str) -> None:
        assert listing.words(query) == ("0912345678",)

    def test_a_name_is_its_words(self) -> None:
        assert listing.words(" Đào  Hoa đào") == ("Đào", "Hoa", "đào")

    def test_there_are_at_most_eight(self) -> None:
        assert len(listing.words(" ".join(str(it) + "x" for it in range(20)))) == 8
