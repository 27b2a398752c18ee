"""What a run sees of a person, as columns of a query."""

from sqlalchemy import ColumnElement, Text, and_, case, cast, func, true

from services.leads.domain import consent
from services.leads.domain.audience import View
from services.leads.domain.consent import NEEDING
from services.leads.domain.contact import Channel
from services.leads.storage.tables import consent_states, contacts


def addressed(view: View) -> list[ColumnElement[str]]:
    """Return address, its key, time zone, locale and region of a contact for a run."""
    c = contacts.c
    address = c.phone if view.channel is Channel.SMS else c.email
    return [address, key(view.channel), c.time_zone, c.locale, c.region]


def key(channel: Channel) -> ColumnElement[str]:
    """Return what addresses of a channel are compared by."""
    # A phone number is stored as it is compared.
    return contacts.c.phone if channel is Channel.SMS else contacts.c.email_key


def invalid(channel: Channel) -> ColumnElement[bool]:
    """Return whether there are addresses of a channel and none of them is valid."""
    held = contacts.c.phones if channel is Channel.SMS else contacts.c.emails
    return and_(key(channel) == "", func.jsonb_array_length(held) > 0)


def consent_of(view: View) -> ColumnElement[bool]:
    """Return the condition that joins the state of a contact's consents to the asked advertiser."""
    s = consent_states.c
    return and_(
        s.contact_id == contacts.c.id,
        s.advertiser_id == view.advertiser_id,
    )


def consented(view: View) -> ColumnElement[bool]:
    """Return whether consent is given, or not needed; false where no state is joined."""
    if view.purpose not in NEEDING:
        return true()
    cell = consent.cells(1 << view.purpose, 1 << view.channel)
    return func.coalesce(consent_states.c.given.bitwise_and(cell) != 0, False)


def variable(name: str) -> ColumnElement[str]:
    """Return the text that a template shows of a contact."""
    c = contacts.c
    if name != "birthday":
        return c[name]
    day, month = (func.lpad(cast(it, Text), 2, "0") for it in (c.birth_day, c.birth_month))
    year = case((c.birth_year == 0, ""), else_="/" + cast(c.birth_year, Text))
    return case((c.birth_month == 0, ""), else_=day + "/" + month + year)
