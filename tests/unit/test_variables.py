"""What templates print of a contact is hidden under the names that its fields are."""

import pytest

from services import variables
from services.campaigns.domain import rendering as of_campaigns
from services.interactions.domain import rendering as of_interactions

PRINTED = {**dict.fromkeys(of_campaigns.CONTACT_VARIABLES, "x"), "display_name": "An"}


class TestShown:
    @pytest.mark.parametrize(
        ("hidden", "left_out"),
        [
            ("contacts.phones", {"phone"}),
            ("contacts.emails", {"email"}),
            ("contacts.address", {"province", "ward"}),
            ("contacts.birthday", {"birthday"}),
            ("contacts.description", set[str]()),
        ],
    )
    def test_what_a_role_hides_is_left_out(self, hidden: str, left_out: set[str]) -> None:
        assert set(PRINTED) - set(variables.shown(PRINTED, [hidden])) == left_out

    @pytest.mark.parametrize("name", ["an@example.vn", "+84912345678", "0912 345 678"])
    @pytest.mark.parametrize("hidden", ["contacts.phones", "contacts.emails"])
    def test_who_is_called_by_an_address_has_no_name_without_it(
        self, name: str, hidden: str
    ) -> None:
        called = {"display_name": name, "company": "Bến Thành"}

        assert variables.shown(called, [hidden]) == {"company": "Bến Thành"}
        assert variables.shown(called, ["contacts.birthday"]) == called

    def test_all_is_there_for_whom_nothing_is_hidden(self) -> None:
        assert variables.shown(PRINTED, []) == PRINTED

    @pytest.mark.parametrize(
        "name", sorted({*of_campaigns.CONTACT_VARIABLES, *of_interactions.VARIABLES})
    )
    def test_of_each_variable_it_is_known_what_it_prints(self, name: str) -> None:
        assert variables.names(name) <= {f"contacts.{it}" for it in _HIDEABLE}

    def test_one_that_nobody_knows_is_not_shown(self) -> None:
        with pytest.raises(KeyError):
            variables.shown({"shoe_size": "38"}, ["contacts.phones"])


_HIDEABLE = ("phones", "emails", "address", "birthday", "description")
