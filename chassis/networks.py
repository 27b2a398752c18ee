"""Network addresses, as those who limit somebody count them."""

import ipaddress

_V6_PREFIX = 64


def block(address: str) -> str:
    """Returns what one subscriber has: an IPv4 address, or the /64 around an IPv6 one.

    Whoever has a /64 has 2**64 addresses to come from. Text that is no address stays as it is.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, ipaddress.IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), _V6_PREFIX), strict=False))
