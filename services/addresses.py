"""Texts that are a phone number or an e-mail address, told by their form."""

import re

FORM = r"^([^\s@]+@[^\s@]*|\+?[0-9][0-9 .()-]{5,}[0-9])$"
"""An expression that Python and PostgreSQL read alike; an address cut off at its end is one."""

_FORM = re.compile(FORM)


def is_address(text: str) -> bool:
    """Returns True for what reaches somebody: nothing that somebody is called by."""
    return _FORM.match(text) is not None
