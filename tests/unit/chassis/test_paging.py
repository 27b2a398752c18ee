"""Pages by key and their sealed tokens."""

import base64
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.db import paging
from chassis.errors import InvalidArgument

SEAL = "a seal"
FILTER = {"stage": "LEAD", "tags": ["vip", "hn"], "team": None}


class TestSize:
    @pytest.mark.parametrize(
        ("asked", "given_"),
        [(0, 50), (1, 1), (50, 50), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)],
    )
    def test_it_is_bounded(self, asked: int, given_: int) -> None:
        assert paging.read(asked, "", FILTER, SEAL) == paging.Page(given_, None)

    def test_a_negative_one_is_refused_by_name(self) -> None:
        with pytest.raises(InvalidArgument) as refused:
            paging.read(-1, "", FILTER, SEAL)

        assert [it.field for it in refused.value.violations] == ["page_size"]


KEYS = st.lists(
    st.one_of(
        st.none(),
        st.booleans(),
        st.text(max_size=40),
        st.integers(),
        st.uuids(),
        st.datetimes(timezones=st.just(UTC)),
        st.dates(),
        st.decimals(allow_nan=False),
    ),
    max_size=4,
)


class TestToken:
    @given(keys=KEYS)
    def test_it_brings_back_the_keys_with_their_types(self, keys: list[paging.Key]) -> None:
        page = paging.read(10, paging.token(keys, FILTER, SEAL), FILTER, SEAL)

        assert page.after == tuple(keys)
        assert [type(it) for it in page.after or ()] == [type(it) for it in keys]

    def test_it_does_not_show_the_keys(self) -> None:
        token = paging.token(["Đào Thị Hoa", "dao thi hoa"], FILTER, SEAL)

        assert b"hoa" not in base64.urlsafe_b64decode(token + "==").lower()

    def test_it_fits_an_address(self) -> None:
        keys: list[paging.Key] = [
            datetime(2025, 5, 1, tzinfo=UTC),
            date(2025, 5, 1),
            Decimal("1.5"),
            UUID(int=7),
        ]

        token = paging.token(keys, FILTER, SEAL)

        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    @pytest.mark.parametrize(
        "other",
        [{}, {**FILTER, "stage": "CUSTOMER"}, {**FILTER, "tags": ["hn"]}, {"stage": "LEAD"}],
    )
    def test_it_belongs_to_its_filter(self, other: dict[str, object]) -> None:
        token = paging.token(["k"], FILTER, SEAL)

        with pytest.raises(InvalidArgument, match="PAGE_TOKEN_INVALID"):
            paging.read(10, token, other, SEAL)

    def test_the_order_in_which_a_filter_is_written_does_not_matter(self) -> None:
        token = paging.token(["k"], FILTER, SEAL)

        page = paging.read(10, token, dict(reversed(FILTER.items())), SEAL)

        assert page.after == ("k",)

    def test_a_key_that_was_turned_still_opens(self) -> None:
        old = paging.token(["a"], {}, "one\n")
        turned = "two\none\n"

        assert paging.read(5, old, {}, turned).after == ("a",)
        assert paging.read(5, paging.token(["b"], {}, turned), {}, "two").after == ("b",)
        with pytest.raises(InvalidArgument):
            paging.read(5, old, {}, "two")

    def test_it_belongs_to_its_key(self) -> None:
        token = paging.token(["k"], FILTER, "another seal")

        with pytest.raises(InvalidArgument, match="PAGE_TOKEN_INVALID"):
            paging.read(10, token, FILTER, SEAL)

    @pytest.mark.parametrize("broken", ["x", "####", "đ", "AAAA", "A" * 5000, "A" * 64, " "])
    def test_what_is_no_token_is_refused_by_name(self, broken: str) -> None:
        with pytest.raises(InvalidArgument) as refused:
            paging.read(10, broken, FILTER, SEAL)

        assert refused.value.reason == "PAGE_TOKEN_INVALID"
        assert [it.field for it in refused.value.violations] == ["page_token"]

    def test_a_changed_letter_is_noticed(self) -> None:
        token = paging.token(["k"], FILTER, SEAL)
        changed = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]

        with pytest.raises(InvalidArgument, match="PAGE_TOKEN_INVALID"):
            paging.read(10, changed, FILTER, SEAL)

    def test_only_sort_keys_fit(self) -> None:
        with pytest.raises(TypeError, match="not a sort key"):
            paging.token([object()], FILTER, SEAL)  # type: ignore[list-item]
