"""What rows and cards say about people, and whether they are known."""

import io
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.leads.domain import validation
from services.leads.domain.contact import Birthday, Channel, Contact, Kind, Profile, Status
from services.leads.domain.files import cells, merge, people, vcard

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def row(**said: str) -> people.Person:
    return people.of_row(list(said.values()), list(said), list(said), system="file", zone=ZONE)


def profile(**said: str) -> Profile:
    found, wrong = validation.check(row(**said).draft, home_region="vn", prefix="")
    assert found is not None, wrong
    return found


def card(text: str) -> people.Person:
    (only,) = vcard.cards(io.StringIO(text, newline=""))
    return people.of_card(only, ZONE)


class TestRows:
    @pytest.mark.parametrize(
        "written", ["0901 234 567", "'0901234567", "901234567", "84901234567", "p:+84901234567"]
    )
    def test_a_phone_is_one_however_it_is_written(self, written: str) -> None:
        assert [it.key for it in profile(phone=written).phones] == ["+84901234567"]

    def test_a_full_name_is_split_where_it_is_surely_family_first(self) -> None:
        assert profile(display_name="Trần Thị Bích Ngọc").given_name == "Thị Bích Ngọc"
        assert profile(display_name="Maria Callas").given_name == ""

    @pytest.mark.parametrize("nothing", ["-", "N/A", "Select", " ", "null"])
    def test_ways_to_write_nothing_are_nothing(self, nothing: str) -> None:
        assert profile(display_name="An", company=nothing).company == ""

    @pytest.mark.parametrize(
        ("written", "said"),
        [("'=1+1", "=1+1"), ("'+1 Co", "+1 Co"), ("'@a", "@a"), ("'-", ""), ("'Anh'", "'Anh'")],
    )
    def test_what_was_made_text_for_spreadsheets_is_as_it_was(
        self, written: str, said: str
    ) -> None:
        assert profile(display_name="An", company=written).company == said

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("14/1/2001", Birthday(1, 14, 2001)),
            ("2001-01-14", Birthday(1, 14, 2001)),
            ("--0114", Birthday(1, 14)),
        ],
    )
    def test_birthdays_are_day_first_or_iso(self, written: str, said: Birthday) -> None:
        assert profile(display_name="An", birthday=written).birthday == said

    def test_a_birthday_that_is_no_date_is_named(self) -> None:
        with pytest.raises(cells.Odd, match=r"^birthday: "):
            row(display_name="An", birthday="hôm qua")

    def test_times_are_local_unless_they_say_otherwise(self) -> None:
        local = row(display_name="An", consent_time="08:00:00 5/9/2026").agreed_at
        told = row(display_name="An", consent_time="2026-09-05T08:00:00+00:00").agreed_at

        assert local == datetime(2026, 9, 5, 1, tzinfo=UTC)
        assert told == datetime(2026, 9, 5, 8, tzinfo=UTC)

    def test_channels_of_consent_are_those_named(self) -> None:
        assert row(consent_channels="SMS, Email").channels == (Channel.SMS, Channel.EMAIL)
        assert row(consent_channels="").channels == ()
        assert row(display_name="An").channels is None

    def test_test_leads_are_skipped(self) -> None:
        with pytest.raises(people.Skip, match="TEST_LEAD"):
            row(display_name="<test lead: dummy data for full_name>", email="test@meta.com")

    def test_a_city_that_is_no_province_is_kept_with_the_street(self) -> None:
        assert profile(display_name="An", province="TP.HCM").address.province.endswith("Chí Minh")
        assert profile(display_name="An", province="Atlantis").address.street == "Atlantis"


class TestCards:
    def test_quoted_printable_with_soft_breaks_is_read(self) -> None:
        found = card(
            "BEGIN:VCARD\r\nVERSION:2.1\r\n"
            "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C4=90=C3=\r\n=A0o\r\n"
            "TEL;CELL;PREF:0901234567\r\nEND:VCARD\r\n"
        )

        assert found.draft.display_name == "Đào"
        assert [it.label for it in found.draft.phones] == ["mobile"]

    def test_a_card_without_a_name_is_its_address(self) -> None:
        found = card("BEGIN:VCARD\nVERSION:2.1\nEMAIL;PREF:an@a.example\nEND:VCARD\n")
        checked, _ = validation.check(found.draft, home_region="vn", prefix="")

        assert checked is not None
        assert checked.display_name == "an@a.example"

    def test_numbers_that_cannot_be_dialled_are_kept_as_text(self) -> None:
        found = card("BEGIN:VCARD\nFN:An\nTEL:1234\nTEL:0901234567\nEND:VCARD\n")

        assert [it.text for it in found.draft.phones] == ["0901234567"]
        assert "1234" in found.draft.description
        assert "1234" in found.noted

    def test_groups_folds_and_birthdays_without_year_are_read(self) -> None:
        found = card(
            "BEGIN:VCARD\nVERSION:4.0\nN:Lê;Văn An;;;\nitem1.EMAIL;type=pref:an@a\n .example\n"
            "TEL;VALUE=uri:tel:+84-90-123-4567\nBDAY:--0203\nORG:Sông;Bán\nEND:VCARD\n"
        )

        assert found.draft.emails[0].text == "an@a.example"
        assert found.draft.phones[0].text == "+84-90-123-4567"
        assert found.draft.birthday == Birthday(2, 3)
        assert found.draft.company == "Sông, Bán"

    def test_a_card_that_is_not_closed_is_still_a_card(self) -> None:
        both = list(vcard.cards(io.StringIO("BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\n")))

        assert [[it.text() for it in one] for one in both] == [["A"], ["B"]]


class TestKnownPeople:
    def test_the_same_name_with_the_same_phone_is_one_person(self) -> None:
        assert merge.matches(
            profile(display_name="Đào Thị Lan", phone="0901234567"),
            profile(display_name="dao thi lan", phone="+84901234567", email="lan@a.example"),
        )

    def test_a_family_that_shares_an_address_is_several_people(self) -> None:
        assert not merge.matches(
            profile(display_name="Đào Thị Lan", email="nha@a.example"),
            profile(display_name="Đào Văn Hùng", email="nha@a.example"),
        )

    def test_the_oldest_of_several_is_chosen(self) -> None:
        same = profile(display_name="An", phone="0901234567")
        old, new = (
            Contact(
                id=UUID(int=number),
                revision=1,
                kind=Kind.LEAD,
                status=Status.NEW,
                profile=same,
                create_time=datetime(2026, 1, day, tzinfo=UTC),
                update_time=datetime(2026, 1, day, tzinfo=UTC),
            )
            for number, day in ((2, 1), (1, 2))
        )

        assert merge.choose([new, old], same) is old

    def test_values_replace_lists_grow_and_the_rest_stays(self) -> None:
        known = profile(display_name="Lê An", phone="0901234567", company="Cũ", tags="a")
        new = profile(phone="0902345678", company="Mới", tags="A; b", description="gặp rồi")

        merged = merge.merge(known, new)

        assert merged.display_name == "Lê An"
        assert merged.company == "Mới"
        assert [it.key for it in merged.phones] == ["+84901234567", "+84902345678"]
        assert merged.tags == ("a", "b")
        assert merge.merge(merged, new) == merged

    def test_prints_are_equal_for_rows_that_say_the_same(self) -> None:
        one, other = profile(phone="0901234567"), profile(phone="+84 901 234 567")

        assert merge.fingerprint(one, "x") == merge.fingerprint(other, "x")
        assert merge.fingerprint(one, "x") != merge.fingerprint(other, "y")
