"""By which channels a customer may be invited to the portal once more."""

from collections.abc import Iterable, Sequence

from crm.accounts.v1 import contact_login_pb2
from crm.leads.v1 import contact_pb2

from services.gateway.web import desk

CHANNELS = ("email", "sms")
_ADDRESSES = frozenset({"contacts.phones", "contacts.emails"})


def ways(
    login: contact_login_pb2.ContactLogin, contact: contact_pb2.Contact | None
) -> Sequence[str]:
    """Return the channels that an invitation may go by; who signs in needs none where they do.

    Without the contact, or where addresses are hidden, nobody can tell: all of them.
    """
    if contact is None or _ADDRESSES & desk.me().hidden:
        return CHANNELS
    reached = {
        "email": _first((it.primary, it.address) for it in contact.emails if it.valid),
        "sms": _first((it.primary, it.number) for it in contact.phones if it.valid),
    }
    signs_in = login.state == contact_login_pb2.CONTACT_LOGIN_STATE_ACTIVE
    there = login.address.casefold() if signs_in else ""
    return [it for it in CHANNELS if reached[it] and reached[it].casefold() != there]


def _first(addresses: Iterable[tuple[bool, str]]) -> str:
    """Return the primary one, or the first."""
    return max(addresses, key=lambda it: it[0], default=(False, ""))[1]
