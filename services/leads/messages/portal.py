"""What customers see of themselves, between the contract and the domain."""

from collections.abc import Sequence
from typing import Any

from crm.leads.v1 import contact_pb2, portal_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.rpc import fieldmask
from services.leads.domain.consent import Action, Entry
from services.leads.domain.contact import Contact, Draft
from services.leads.domain.my_consents import Standing
from services.leads.domain.transaction import Transaction
from services.leads.messages import contacts, transactions, values

CHANGEABLE = frozenset(
    {
        *("salutation", "family_name", "given_name", "display_name"),
        *("birthday", "address", "locale", "time_zone", "preferred_channel"),
    }
)
"""What customers change by themselves."""

_SAME = ("reference_code", *sorted(CHANGEABLE - {"birthday", "address"}))
_ACTIONS = {Action.GIVEN: "given", Action.WITHDRAWN: "withdrawn"}


def profile(it: Contact) -> portal_pb2.MyProfile:
    """Return a contact as the person sees it: nothing of what colleagues keep for themselves."""
    whole = contacts.contact(it)
    same: dict[str, Any] = {name: getattr(whole, name) for name in _SAME}
    return portal_pb2.MyProfile(
        **same,
        etag=whole.etag,
        phones=[each.number for each in whole.phones],
        emails=[each.address for each in whole.emails],
        birthday=whole.birthday if whole.HasField("birthday") else None,
        address=whole.address if whole.HasField("address") else None,
    )


def details(it: Contact, source: str) -> portal_pb2.MyDetails:
    """Return what is kept of a person besides the profile; `source` is the name of theirs."""
    whole = contacts.contact(it)
    return portal_pb2.MyDetails(
        company=whole.company,
        job_title=whole.job_title,
        gender=whole.gender,
        tags=whole.tags,
        source=source,
        create_time=whole.create_time,
        convert_time=whole.convert_time if whole.HasField("convert_time") else None,
    )


def paths(mask: FieldMask, given: portal_pb2.MyProfile) -> list[str]:
    """Return the paths an update changes; raises `InvalidArgument` naming the others."""
    return fieldmask.paths(mask, given, CHANGEABLE)


def redraft(stored: Contact, given: portal_pb2.MyProfile, changed: Sequence[str]) -> Draft:
    """Return the stored contact with the changed paths taken from `given`."""
    same: dict[str, Any] = {name: getattr(given, name) for name in _SAME}
    wanted = contact_pb2.Contact(
        **same,
        birthday=given.birthday if given.HasField("birthday") else None,
        address=given.address if given.HasField("address") else None,
    )
    return contacts.redraft(stored, wanted, changed)


def consent(it: Standing) -> portal_pb2.MyConsent:
    """Return how a consent stands."""
    states = portal_pb2.MyConsentState
    return portal_pb2.MyConsent(
        advertiser_id=str(it.advertiser_id),
        purpose=int(it.purpose),  # type: ignore[arg-type]
        channel=int(it.channel),  # type: ignore[arg-type]
        state=states.MY_CONSENT_STATE_GIVEN if it.given else states.MY_CONSENT_STATE_WITHDRAWN,
        time=values.stamp(it.time),
    )


def entry(it: Entry) -> portal_pb2.MyConsentEntry:
    """Return what the ledger holds, without what colleagues wrote to prove it."""
    return portal_pb2.MyConsentEntry(
        action=_ACTIONS[it.action],
        advertiser_id=values.text(it.advertiser_id),
        purpose=int(it.purpose or 0),  # type: ignore[arg-type]
        channel=int(it.channel),  # type: ignore[arg-type]
        time=values.stamp(it.time),
        method=it.method,
    )


def transaction(it: Transaction) -> portal_pb2.MyTransaction:
    """Return a purchase, payment or return."""
    whole = transactions.transaction(it)
    return portal_pb2.MyTransaction(
        id=whole.id,
        number=whole.external_id,
        type=whole.type,
        amount=whole.amount,
        currency=whole.currency,
        time=whole.time,
        shop=whole.shop,
        status=whole.status,
        lines=whole.lines,
        due_date=whole.due_date,
        paid_time=whole.paid_time if whole.HasField("paid_time") else None,
    )
