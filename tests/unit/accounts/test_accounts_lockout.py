"""Under what attempts to sign in are counted."""

import pytest

from services.accounts.domain import lockout
from services.accounts.domain.lockout import Realm

IP = "2001:db8:1:2::7"


class TestKeys:
    @pytest.mark.parametrize("realm", Realm)
    def test_who_has_a_network_counts_as_one(self, realm: Realm) -> None:
        first, second, other = (
            lockout.address_key(it, realm) for it in (IP, "2001:db8:1:2:ffff::1", "2001:db8:1:3::7")
        )

        assert first == second != other

    def test_of_requests_for_messages_too(self) -> None:
        (_, first), (_, second) = (
            lockout.request_keys(lockout.CODES, "lan", it) for it in (IP, "2001:db8:1:2::8")
        )

        assert first == second

    def test_staff_and_customers_count_apart(self) -> None:
        staff, customers = (
            {
                lockout.address_key(IP, it),
                lockout.everyone_key(it),
                lockout.place_key("lan@mekong.example", IP, it),
            }
            for it in Realm
        )

        assert staff.isdisjoint(customers)

    def test_a_place_is_of_one_account_and_shows_neither(self) -> None:
        key = lockout.place_key("lan@mekong.example", IP, Realm.STAFF)

        assert key.startswith(lockout.PLACE)
        assert key.endswith(f" {lockout.account_key('lan@mekong.example')}")
        assert key != lockout.place_key("binh@mekong.example", IP, Realm.STAFF)
        assert "lan@" not in key
        assert IP not in key
