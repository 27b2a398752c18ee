"""What a contact may say, field by field."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from services.leads.domain import provinces, reachable, validation
from services.leads.domain import transaction as transactions
from services.leads.domain.consent import GivenDraft, check_given
from services.leads.domain.contact import (
    Address,
    Birthday,
    Draft,
    DraftAddress,
    ExternalId,
    Profile,
    Reach,
    keep_validity,
    reach,
)

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def profile(**fields: Any) -> Profile:
    made, violations = validation.check(Draft(**fields), home_region="vn")
    assert made is not None, violations
    return made


def wrong(**fields: Any) -> list[str]:
    made, violations = validation.check(Draft(**fields), home_region="vn", prefix="")
    assert made is None
    return [it.field for it in violations]


class TestPhones:
    @pytest.mark.parametrize(
        "written",
        [
            *("0912345678", "0912 345 678", "0912.345.678", "(091) 234-5678", "+84912345678"),
            *("84912345678", "912345678", "'0912345678", "+84 (0)912 345 678", "0084912345678"),
        ],
    )
    def test_any_national_form_becomes_e164(self, written: str) -> None:
        assert reachable.phone(written) == "+84912345678"

    @pytest.mark.parametrize(
        ("written", "number"),
        [("024 3825 1234", "+842438251234"), ("+1 650 253 0000", "+16502530000")],
    )
    def test_landlines_and_foreign_numbers_are_numbers_too(self, written: str, number: str) -> None:
        assert reachable.phone(written) == number

    @pytest.mark.parametrize(
        "written",
        [
            *("", "12", "0112345678", "abc", "091234567890123", "0912345678 ext. 5", "113"),
            *("٠٩١٢٣٤٥٦٧٨" * 5, "+84", "+999123456789"),
        ],
    )
    def test_what_the_numbering_plan_does_not_have_is_refused(self, written: str) -> None:
        assert reachable.phone(written) is None

    def test_the_country_of_the_contact_decides(self) -> None:
        assert reachable.phone("(650) 253-0000", "US") == "+16502530000"

    @given(st.from_regex(r"(\+?84|0)[3-9][0-9]{8}", fullmatch=True))
    def test_the_short_way_says_what_the_library_says(self, written: str) -> None:
        parsed = phonenumbers.parse(written, "VN")
        expected = None
        if phonenumbers.is_valid_number(parsed):
            expected = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

        assert reachable.phone(written) == expected


class TestEmails:
    @pytest.mark.parametrize(
        ("written", "kept", "key"),
        [
            ("An@Example.COM", "An@example.com", "an@example.com"),
            (" a.b+c@gmail.com ", "a.b+c@gmail.com", "a.b+c@gmail.com"),
            ("an@tên.vn", "an@tên.vn", "an@xn--tn-eja.vn"),
            ("x@mail.test", "x@mail.test", "x@mail.test"),
        ],
    )
    def test_an_address_keeps_its_spelling_and_has_a_twin(
        self, written: str, kept: str, key: str
    ) -> None:
        assert reachable.email(written) == (kept, key)

    @pytest.mark.parametrize(
        "written",
        ["", "an", "an@", "@a.vn", "a b@c.vn", "a.@b.vn", "an@localhost", "a@b.vn, c@d.vn"],
    )
    def test_what_is_no_address_is_refused(self, written: str) -> None:
        assert reachable.email(written) is None

    def test_one_that_is_too_long_is_refused(self) -> None:
        assert reachable.email(f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.vn") is None


class TestAContact:
    def test_each_address_is_kept_once_and_the_primary_survives(self) -> None:
        found = profile(
            phones=[DraftAddress("0912345678"), DraftAddress("+84912345678", "mobile", True)]
        )

        assert found.phones == (Reach("+84912345678", "+84912345678", "mobile", True),)

    def test_two_primaries_are_refused(self) -> None:
        two = [DraftAddress("0912345678", "", True), DraftAddress("0987654321", "", True)]

        assert wrong(phones=two) == ["phones"]

    def test_lists_have_their_limits(self) -> None:
        assert set(
            wrong(
                phones=[DraftAddress(f"09123456{it:02d}") for it in range(11)],
                emails=[DraftAddress(f"a{it}@a.vn") for it in range(11)],
                tags=[str(it) for it in range(51)],
                external_ids=[ExternalId("pos", str(it)) for it in range(21)],
                owner_ids=[str(UUID(int=it)) for it in range(21)],
            )
        ) == {"phones", "emails", "tags", "external_ids", "owner_ids"}

    @pytest.mark.parametrize(
        ("fields", "shown"),
        [
            ({"family_name": "Lê", "given_name": "An", "company": "C"}, "Lê An"),
            ({"company": "C", "emails": [DraftAddress("a@a.vn")]}, "C"),
            ({"emails": [DraftAddress("a@a.vn")]}, "a@a.vn"),
            ({"phones": [DraftAddress("0912345678")]}, "+84912345678"),
        ],
    )
    def test_somebody_is_shown_by_the_best_that_is_known(
        self, fields: dict[str, Any], shown: str
    ) -> None:
        assert profile(**fields).display_name == shown

    @pytest.mark.parametrize(
        "birthday", [Birthday(2, 30), Birthday(13, 1), Birthday(2, 29, 2025), Birthday(1, 1, 1700)]
    )
    def test_a_day_that_never_was_is_refused(self, birthday: Birthday) -> None:
        assert wrong(display_name="An", birthday=birthday) == ["birthday"]

    def test_the_29th_of_february_of_no_year_is_a_day(self) -> None:
        assert profile(display_name="An", birthday=Birthday(2, 29)).birthday == Birthday(2, 29)

    def test_characters_that_no_text_has_are_refused(self) -> None:
        assert wrong(display_name="A\x00n", description="x\x00") == ["display_name", "description"]

    def test_a_foreign_province_is_as_written(self) -> None:
        where = Address(province="Bavaria", country_code="de")

        assert profile(display_name="An", address=where).address == Address(
            province="Bavaria", country_code="DE"
        )

    def test_a_ward_of_before_stays_as_written(self) -> None:
        found = profile(display_name="An", address=Address(ward="Phường 99", province="HCM"))

        assert (found.address.ward, found.address.province) == (
            "Phường 99",
            "Thành phố Hồ Chí Minh",
        )


class TestWhereToSend:
    def test_the_primary_comes_first_and_the_dead_never(self) -> None:
        first, primary = Reach("a", "a"), Reach("b", "b", "", True)
        dead = Reach("b", "b", "", True, valid=False)

        assert reach((first, primary)) == primary
        assert reach((first, dead)) == first
        assert reach((dead,)) is None

    def test_what_a_provider_said_survives_a_change(self) -> None:
        before = profile(emails=[DraftAddress("a@a.vn"), DraftAddress("b@a.vn")])
        bounced = Profile(
            display_name="An", emails=(Reach("a@a.vn", "a@a.vn", valid=False), before.emails[1])
        )

        now = datetime(2026, 3, 10, tzinfo=UTC)
        after = keep_validity(bounced, profile(emails=[DraftAddress("A@a.vn", "nhà")]), now)

        assert [(it.address, it.label, it.valid) for it in after.emails] == [
            ("A@a.vn", "nhà", False)
        ]


class TestProvinces:
    def test_there_are_34_with_their_wards(self) -> None:
        found = [provinces.find(it) for it in provinces.names()]

        assert len(found) == 34
        assert all(it is not None and it.wards for it in found)

    @pytest.mark.parametrize(
        ("written", "name"),
        [
            ("TP. Hồ Chí Minh", "Thành phố Hồ Chí Minh"),
            ("sài gòn", "Thành phố Hồ Chí Minh"),
            ("Tỉnh Bình Dương", "Thành phố Hồ Chí Minh"),
            ("Thua Thien - Hue", "Thành phố Huế"),
            ("hai duong", "Thành phố Hải Phòng"),
        ],
    )
    def test_short_forms_and_absorbed_ones_are_found(self, written: str, name: str) -> None:
        found = provinces.find(written)

        assert found is not None
        assert found.name == name

    def test_what_is_no_province_is_not_found(self) -> None:
        assert provinces.find("California") is None
        assert provinces.find("") is None

    def test_the_short_name_of_two_wards_means_neither(self) -> None:
        for name in provinces.names():
            province = provinces.find(name)
            assert province is not None
            assert all(province.ward(it) == it for it in province.wards.values() if it)


class TestSales:
    @pytest.mark.parametrize(
        ("kind", "status", "is_sale"),
        [
            (1, "", True),
            (2, "paid", True),
            (1, "Cancelled", False),
            (2, "ĐÃ HUỶ", False),
            (3, "", False),
            (4, "", False),
        ],
    )
    def test_orders_and_invoices_that_stand_are_sales(
        self, kind: int, status: str, is_sale: bool
    ) -> None:
        draft = transactions.Draft(
            system="pos",
            external_id="1",
            type=kind,
            contact_id=str(UUID(int=1)),
            time=NOW,
            status=status,
        )
        made, _ = transactions.check(draft, new_id=UUID(int=2), now=NOW)

        assert made is not None
        assert made.is_sale is is_sale


class TestAConsent:
    def test_one_a_little_ahead_of_our_clock_counts_from_now(self) -> None:
        draft = GivenDraft(
            contact_id=str(UUID(int=1)),
            advertiser_id=str(UUID(int=2)),
            purpose=1,
            channel=1,
            time=NOW + timedelta(minutes=1),
            method="web",
            evidence="form",
        )

        assert check_given(draft, entry_id=UUID(int=3), actor="a", now=NOW).time == NOW

    def test_one_of_the_future_is_refused(self) -> None:
        draft = GivenDraft(
            contact_id=str(UUID(int=1)),
            advertiser_id=str(UUID(int=2)),
            purpose=1,
            channel=1,
            time=NOW + timedelta(hours=1),
            method="web",
            evidence="form",
        )

        with pytest.raises(InvalidArgument):
            check_given(draft, entry_id=UUID(int=3), actor="a", now=NOW)
