"""What of an audit entry a reader from whom fields are hidden gets to see."""

from datetime import UTC, datetime

import pytest

from services.accounts.domain import withheld
from services.accounts.domain.chain import Happening, Values
from services.accounts.domain.rights import HIDEABLE
from services.leads.usecases import trail

VALUES = {
    "phones": [{"address": "+84912000333"}],
    "emails": [{"address": "lan@example.vn"}],
    "birth_day": 3,
    "street": "1 Lê Lợi",
    "description": "changed",
    "score": 4,
}


def happened(subject_type: str, before: Values | None, after: Values | None) -> Happening:
    time = datetime(2026, 3, 1, tzinfo=UTC)
    names = ("leads", "u1", "user", "", "contact.update", subject_type, "1", "r")
    return Happening("e1", time, *names, before, after)


@pytest.mark.parametrize(
    ("hidden", "left_out"),
    [
        ("contacts.phones", {"phones"}),
        ("contacts.emails", {"emails"}),
        ("contacts.birthday", {"birth_day"}),
        ("contacts.address", {"street"}),
        ("contacts.description", {"description"}),
        ("contacts.whatever", set()),
    ],
)
def test_values_of_a_hidden_field_are_left_out(hidden: str, left_out: set[str]) -> None:
    told = withheld.shown(happened("contact", VALUES, VALUES), {hidden})

    assert told.before is not None
    assert set(VALUES) - set(told.before) == left_out
    assert told.after == told.before


def test_an_address_may_be_a_number_or_an_e_mail_address() -> None:
    for hidden in ("contacts.phones", "contacts.emails"):
        told = withheld.shown(happened("proposal", None, {"address": "x", "title": "y"}), {hidden})

        assert (told.before, told.after) == (None, {"title": "y"})


@pytest.mark.parametrize("hidden", ["contacts.phones", "contacts.emails"])
def test_a_name_that_is_an_address_is_left_out_as_one(hidden: str) -> None:
    before, after = {"display_name": "+84912000333"}, {"display_name": "Lan"}

    told = withheld.shown(happened("contact", before, after), {hidden})
    elsewhere = withheld.shown(happened("contact", before, after), {"contacts.birthday"})

    assert (told.before, told.after) == ({}, after)
    assert elsewhere.before == before


def test_what_is_no_contacts_stays() -> None:
    told = happened("user", None, {"email": "a@example.vn", "address": "x"})

    assert withheld.shown(told, set(HIDEABLE)) == told


def test_who_sees_all_sees_all() -> None:
    told = happened("contact", VALUES, None)

    assert withheld.shown(told, frozenset()) is told


def test_what_proves_a_suppression_or_an_agreement_goes_with_the_address_it_may_quote() -> None:
    for kind in ("suppression", "agreement"):
        told = withheld.shown(
            happened(kind, None, {"evidence": "<mai@example.vn>", "channel": "SMS"}),
            {"contacts.emails"},
        )

        assert told.after == {"channel": "SMS"}


def test_each_field_that_can_be_hidden_has_names_that_entries_have() -> None:
    assert set(withheld.NAMES) == set(HIDEABLE)
    told = {*trail._KEPT, "address", "evidence"}
    assert all(names <= told for names in withheld.NAMES.values())
