"""Addresses, the tokens that stand for them, and what fits into an SMS."""

import uuid
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain import addresses, sms, tokens
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import (
    Key,
)
from tests.unit.notifier.domain_parts import (
    ADVERTISER,
)


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "no-at.vn",
            "a@b",
            "a b@c.vn",
            "a@c.vn\r\nRCPT TO:<x@y.vn>",
            "a..b@c.vn",
            "<a@c.vn>",
            "a@-c.vn",
            "@c.vn",
        ],
    )
    def test_what_is_no_mail_address_is_refused(self, address: str) -> None:
        assert addresses.normalised(Channel.EMAIL, address) is None

    def test_spelling_tells_nobody_apart(self) -> None:
        assert addresses.normalised(Channel.EMAIL, " Dao@Example.VN ") == "dao@example.vn"
        assert addresses.normalised(Channel.SMS, "+84 90 123-4567") == "+84901234567"
        assert addresses.normalised(Channel.SMS, "0901234567") is None

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("0912 345 678", (Channel.SMS, "+84912345678")),
            ("84912345678", (Channel.SMS, "+84912345678")),
            ("0084 (912) 345-678", (Channel.SMS, "+84912345678")),
            ("+1 415 555 2671", (Channel.SMS, "+14155552671")),
            ("Đào <Dao@Example.vn>", (Channel.EMAIL, "dao@example.vn")),
            ("0912 345 678 ext 5", None),
            ("dao", None),
            ("dao@", None),
        ],
    )
    def test_what_support_looks_for_is_read_as_people_write_it(
        self, written: str, meant: tuple[Channel, str] | None
    ) -> None:
        assert addresses.asked_for(written, "VN") == meant

    def test_a_leap_day_ends_a_registration_too(self) -> None:
        assert addresses.registered_until(datetime(2028, 2, 29, tzinfo=UTC), 3) == datetime(
            2031, 2, 28, tzinfo=UTC
        )


class TestTokens:
    link = tokens.Link(
        Key(date(2026, 11, 21), uuid.uuid4()), Channel.EMAIL, Purpose.CARE, ADVERTISER
    )

    def test_a_link_reads_back_and_only_with_our_key(self) -> None:
        token = tokens.link_token(self.link, b"secret")

        assert tokens.read_link(token, b"secret") == self.link
        assert tokens.read_link(token, b"other") is None

    @given(st.text(max_size=100))
    def test_no_text_of_a_stranger_is_a_link_or_return_path(self, text: str) -> None:
        assert tokens.read_link(text, b"secret") is None
        assert tokens.read_return_path(text, b"secret") is None

    def test_a_return_path_names_its_message_and_fits(self) -> None:
        path = tokens.return_path(self.link.key, "mail.example.vn", b"secret")

        assert len(path.partition("@")[0]) <= 64
        assert tokens.read_return_path(path.upper(), b"secret") == self.link.key
        assert tokens.read_return_path(path.replace("b-", "b-0"), b"secret") is None


class TestSms:
    def test_one_part_holds_160_or_70(self) -> None:
        assert sms.encode("x" * 160, 1).parts == (b"x" * 160,)
        assert len(sms.encode("x" * 161, 1).parts) == 2
        assert len(sms.encode("đ" * 70, 1).parts) == 1
        assert len(sms.encode("đ" * 71, 1).parts) == 2

    def test_the_euro_sign_counts_twice(self) -> None:
        assert len(sms.encode("€" * 80, 1).parts) == 1
        assert len(sms.encode("€" * 81, 1).parts) == 2

    def test_too_long_a_text_is_refused(self) -> None:
        with pytest.raises(sms.TooLong):
            sms.encode("x" * 1531, 1)

    @given(st.text(min_size=1, max_size=400), st.integers(0, 255))
    def test_parts_join_to_the_text_and_none_ends_within_a_letter(
        self, text: str, reference: int
    ) -> None:
        encoded = sms.encode(text, reference)

        whole = [part[6:] if encoded.joined else part for part in encoded.parts]
        assert all(len(part) <= 140 if encoded.data_coding else len(part) <= 160 for part in whole)
        if encoded.data_coding == sms.UCS2:
            assert "".join(part.decode("utf-16-be") for part in whole) == text
