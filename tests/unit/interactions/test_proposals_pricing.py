"""What lines come to, against an independent computation with fractions."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals import money, pricing
from services.interactions.domain.proposals.pricing import Line, Vat


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    quantity = draw(st.integers(1, 999_999_999))
    price = draw(st.integers(0, 10**7))
    percent, amount = "", 0
    if draw(st.booleans()):
        percent = str(draw(st.integers(1, 10_000)) / 100)
    else:
        gross = half_up(Fraction(quantity, 1000) * price)
        amount = draw(st.integers(0, gross))
    vat = draw(st.sampled_from(list(Vat)))
    whole, part = divmod(quantity, 1000)
    return Line("x", f"{whole}.{part:03d}", "", price, percent, amount, vat)


def sound(given: Line) -> Line:
    problems = Problems()
    (made,) = pricing.checked([given], "lines", problems)
    problems.raise_if_any()
    return made


def refusals(*given: Line) -> dict[str, str]:
    problems = Problems()
    pricing.checked(given, "lines", problems)
    try:
        problems.raise_if_any()
    except InvalidArgument as refused:
        return {it.field: it.description for it in refused.violations}
    return {}


class TestPrices:
    @given(st.lists(lines(), max_size=12))
    def test_they_equal_those_of_fractions(self, many: list[Line]) -> None:
        totals = pricing.total([pricing.price(sound(it)) for it in many])

        nets: dict[Vat, int] = {}
        for it in many:
            exact = Fraction(it.quantity) * it.unit_price
            if it.discount_percent:
                net = half_up(exact * (1 - Fraction(it.discount_percent) / 100))
            else:
                net = half_up(exact) - it.discount_amount
            nets[it.vat] = nets.get(it.vat, 0) + net
        rates = {Vat.NONE: 0, Vat.ZERO: 0, Vat.FIVE: 5, Vat.EIGHT: 8, Vat.TEN: 10}
        taxes = {rate: half_up(Fraction(net * rates[rate], 100)) for rate, net in nets.items()}
        assert {it.vat_rate: (it.net, it.vat) for it in totals.groups} == {
            rate: (nets[rate], taxes[rate]) for rate in nets
        }
        assert totals.net == sum(nets.values())
        assert totals.total == sum(nets.values()) + sum(taxes.values())

    @given(st.lists(lines(), max_size=12))
    def test_the_parts_sum_to_the_total(self, many: list[Line]) -> None:
        priced = [pricing.price(sound(it)) for it in many]

        totals = pricing.total(priced)

        assert all(it.gross - it.discount == it.net for it in priced)
        assert all(0 <= it.discount <= it.gross for it in priced)
        assert totals.gross - totals.discount == totals.net == sum(it.net for it in priced)
        assert totals.net == sum(it.net for it in totals.groups)
        assert totals.vat == sum(it.vat for it in totals.groups)
        assert totals.net + totals.vat == totals.total

    @pytest.mark.parametrize(
        ("quantity", "price", "percent", "net"),
        [("0.5", 1, "", 1), ("0.333", 3, "", 1), ("1.5", 333, "", 500), ("1", 5, "50", 3)],
    )
    def test_a_half_goes_up(self, quantity: str, price: int, percent: str, net: int) -> None:
        assert pricing.price(Line("x", quantity, "", price, percent)).net == net

    def test_tax_is_rounded_once_a_rate_and_not_once_a_line(self) -> None:
        line = pricing.price(Line("x", "1", "", 5, vat=Vat.TEN))

        assert pricing.total([line, line]).vat == 1


class TestBadLines:
    def test_every_bad_field_of_every_line_is_named(self) -> None:
        bad = Line(" ", "1.2345", "u" * 21, -1, "100.01", 5)

        assert set(refusals(Line("ok", "1", "", 1), bad)) == {
            f"lines[1].{name}"
            for name in (
                *("description", "quantity", "unit", "unit_price"),
                *("discount_percent", "discount_amount"),
            )
        }

    @pytest.mark.parametrize("quantity", ["", "0", "0.000", "-1", "1,5", "1e3", "NaN", "٣", "1."])
    def test_a_quantity_is_a_plain_decimal_above_nought(self, quantity: str) -> None:
        assert set(refusals(Line("x", quantity, "", 1))) == {"lines[0].quantity"}

    def test_a_discount_is_at_most_the_line(self) -> None:
        assert set(refusals(Line("x", "1", "", 100, discount_amount=101))) == {
            "lines[0].discount_amount"
        }

    def test_what_comes_to_too_much_is_refused(self) -> None:
        assert set(refusals(Line("x", "999999999", "", 10**15))) == {"lines[0].unit_price"}
        assert set(refusals(*[Line("x", "1", "", 10**15)] * 2)) == {"lines"}

    def test_there_are_not_too_many(self) -> None:
        assert set(refusals(*[Line("x", "1", "", 1)] * 201)) == {"lines"}

    def test_a_decimal_is_kept_without_noughts_that_say_nothing(self) -> None:
        kept = sound(Line("x", "007.500", "", 1, "10.00"))

        assert (kept.quantity, kept.discount_percent) == ("7.5", "10")


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "locale", "text"),
        [
            (1_234_567, "VND", "vi", "1.234.567 ₫"),
            (1_234_567, "VND", "en", "1,234,567 ₫"),
            (123_456, "USD", "en", "1,234.56 USD"),
            (5, "USD", "vi", "0,05 USD"),
            (1_234, "KWD", "en", "1.234 KWD"),
            (-500, "JPY", "en", "-500 JPY"),
        ],
    )
    def test_it_is_written_as_each_currency_and_language_wants(
        self, amount: int, currency: str, locale: str, text: str
    ) -> None:
        assert money.shown(amount, currency, locale) == text

    def test_what_is_no_currency_is_known(self) -> None:
        assert [money.is_currency(it) for it in ("VND", "USD", "XXX", "vnd", "")] == [
            *(True, True, False, False, False)
        ]
