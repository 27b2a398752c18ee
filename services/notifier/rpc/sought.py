"""Addresses that calls name, to find what there is of one or to write one down.

Neither is for who may not read such addresses: whoever writes down what is there already learns
that it is.
"""

from chassis.rpc import rights
from services.notifier.domain import addresses
from services.notifier.domain.checks import Checks
from services.notifier.domain.states import Channel

_FIELDS = {Channel.SMS: "contacts.phones", Channel.EMAIL: "contacts.emails"}


def must_be_shown(channel: Channel) -> None:
    """Raises `PermissionDenied` FIELD_HIDDEN when the caller's role hides such addresses."""
    rights.must_be_shown(_FIELDS[channel])


def key(checks: Checks, address: str) -> str:
    """Returns the address of a filter as it is compared, nothing for none or one that is wrong.

    Raises `PermissionDenied` FIELD_HIDDEN when the caller's role hides addresses of its channel.
    """
    if not address:
        return ""
    channel = Channel.EMAIL if "@" in address else Channel.SMS
    must_be_shown(channel)
    found = addresses.normalised(channel, address)
    if found is None:
        checks.wrong("address", "is neither an E.164 phone nor an e-mail address")
    return found or ""
