"""Addresses that one subscriber of a network has are counted as one."""

import pytest

from chassis import networks


class TestBlock:
    @pytest.mark.parametrize(
        ("address", "block"),
        [
            ("198.51.100.7", "198.51.100.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::ffff", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            # What listens on both sees those of IPv4 so; their /64 is that of all.
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("", ""),
            ("no address", "no address"),
        ],
    )
    def test_it_is_an_address_of_ipv4_or_64_bits_of_ipv6(self, address: str, block: str) -> None:
        assert networks.block(address) == block
