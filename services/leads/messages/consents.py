"""Entries of the consent ledger between the contract and the domain."""

from crm.leads.v1 import consent_pb2, consent_service_pb2

from services.leads.domain.consent import Entry, GivenDraft, WithdrawnDraft
from services.leads.messages import values


def entry(it: Entry) -> consent_pb2.ConsentEntry:
    """Return the contract's entry."""
    return consent_pb2.ConsentEntry(
        id=str(it.id),
        contact_id=str(it.contact_id),
        advertiser_id=values.text(it.advertiser_id),
        purpose=int(it.purpose or 0),  # type: ignore[arg-type]
        channel=int(it.channel),  # type: ignore[arg-type]
        action=int(it.action),  # type: ignore[arg-type]
        time=values.stamp(it.time),
        method=it.method,
        evidence=it.evidence,
        actor=it.actor,
        record_time=values.stamp(it.record_time),
    )


def given(it: consent_pb2.ConsentEntry) -> GivenDraft:
    """Return a consent as somebody reports it."""
    return GivenDraft(
        contact_id=it.contact_id,
        advertiser_id=it.advertiser_id,
        purpose=it.purpose,
        channel=it.channel,
        time=values.moment(it, "time", "entry.time"),
        method=it.method,
        evidence=it.evidence,
    )


def withdrawn(it: consent_service_pb2.WithdrawConsentRequest) -> WithdrawnDraft:
    """Return a withdrawal as somebody reports it."""
    return WithdrawnDraft(
        contact_id=it.contact_id,
        advertiser_id=it.advertiser_id,
        purpose=it.purpose,
        channel=it.channel,
        method=it.method,
        evidence=it.evidence,
    )
