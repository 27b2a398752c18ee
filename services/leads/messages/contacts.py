"""Contacts and their moves between the contract and the domain."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from crm.leads.v1 import contact_pb2, contact_service_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.rpc import fieldmask
from services.leads.domain import listing, unreadable
from services.leads.domain.contact import (
    Address,
    Birthday,
    Contact,
    Conversion,
    Draft,
    DraftAddress,
    ExternalId,
    Kind,
    Profile,
    Reach,
    Status,
)
from services.leads.domain.fields import Checks
from services.leads.domain.listing import Filter, Order
from services.leads.domain.status import StageChange
from services.leads.messages import values

CHANGEABLE = frozenset(
    {
        *("reference_code", "salutation", "family_name", "given_name", "display_name"),
        *("phones", "emails", "company", "job_title", "gender", "birthday", "address"),
        *("locale", "time_zone", "region", "preferred_channel", "source_id"),
        *("referred_by_contact_id", "owner_ids", "team_id", "tags", "external_ids"),
        "description",
    }
)
_LISTS = (
    *("statuses", "life_stage_ids", "source_ids", "tags", "owner_ids"),
    *("conversions", "main_owner_ids", "passed_life_stage_ids"),
)
Filtered = contact_service_pb2.ListContactsRequest | contact_service_pb2.ExportContactsRequest
_NAMED_BY = {"display_name", "family_name", "given_name", "locale"}


def contact(it: Contact) -> contact_pb2.Contact:
    """Return the contract's contact."""
    return contact_pb2.Contact(
        id=str(it.id),
        revision=it.revision,
        etag=it.etag,
        kind=int(it.kind),  # type: ignore[arg-type]
        status=int(it.status),  # type: ignore[arg-type]
        lost_reason=it.lost_reason,
        life_stage_id=values.text(it.life_stage_id),
        score=it.score,
        create_time=values.stamp(it.create_time),
        update_time=values.stamp(it.update_time),
        convert_time=values.stamp(it.convert_time),
        conversion=int(it.conversion),  # type: ignore[arg-type]
        **_profile(it.profile),
    )


def told(it: Contact) -> contact_pb2.Contact:
    """Return the contact as events have it: what is sealed where it lies is not told on."""
    made = contact(it)
    made.ClearField("description")
    return made


def _profile(it: Profile) -> dict[str, Any]:
    return {
        "reference_code": it.reference_code,
        "salutation": it.salutation,
        "family_name": it.family_name,
        "given_name": it.given_name,
        "display_name": it.display_name,
        "phones": [_phone(each) for each in it.phones],
        "emails": [_email(each) for each in it.emails],
        "company": it.company,
        "job_title": it.job_title,
        "gender": int(it.gender),
        "birthday": _birthday(it.birthday),
        "address": _address(it.address),
        "locale": it.locale,
        "time_zone": it.time_zone,
        "region": it.region,
        "preferred_channel": int(it.preferred_channel or 0),
        "source_id": values.text(it.source_id),
        "referred_by_contact_id": values.text(it.referred_by_contact_id),
        "owner_ids": [str(each) for each in it.owner_ids],
        "team_id": it.team_id,
        "tags": it.tags,
        "external_ids": [
            contact_pb2.ExternalId(system=each.system, id=each.id) for each in it.external_ids
        ],
        "description": unreadable.shown(it.description),
    }


def _phone(it: Reach) -> contact_pb2.Phone:
    return contact_pb2.Phone(number=it.address, label=it.label, primary=it.primary, valid=it.valid)


def _email(it: Reach) -> contact_pb2.Email:
    return contact_pb2.Email(address=it.address, label=it.label, primary=it.primary, valid=it.valid)


def _birthday(it: Birthday | None) -> contact_pb2.PartialDate | None:
    return contact_pb2.PartialDate(year=it.year, month=it.month, day=it.day) if it else None


def _address(it: Address) -> contact_pb2.Address | None:
    if it == Address():
        return None
    return contact_pb2.Address(
        street=it.street,
        ward=it.ward,
        province=it.province,
        postal_code=it.postal_code,
        country_code=it.country_code,
    )


def draft(it: contact_pb2.Contact) -> Draft:
    """Return what somebody wrote of a contact."""
    born, where = it.birthday, it.address
    return Draft(
        kind=it.kind,
        reference_code=it.reference_code,
        salutation=it.salutation,
        family_name=it.family_name,
        given_name=it.given_name,
        display_name=it.display_name,
        phones=[DraftAddress(each.number, each.label, each.primary) for each in it.phones],
        emails=[DraftAddress(each.address, each.label, each.primary) for each in it.emails],
        company=it.company,
        job_title=it.job_title,
        gender=it.gender,
        birthday=Birthday(born.month, born.day, born.year) if it.HasField("birthday") else None,
        address=Address(
            where.street, where.ward, where.province, where.postal_code, where.country_code
        )
        if it.HasField("address")
        else None,
        locale=it.locale,
        time_zone=it.time_zone,
        region=it.region,
        preferred_channel=it.preferred_channel,
        source_id=it.source_id,
        referred_by_contact_id=it.referred_by_contact_id,
        owner_ids=list(it.owner_ids),
        team_id=it.team_id,
        tags=list(it.tags),
        external_ids=[ExternalId(each.system, each.id) for each in it.external_ids],
        description=it.description,
    )


def paths(mask: FieldMask, given: contact_pb2.Contact) -> list[str]:
    """Return the paths an update changes; raises `InvalidArgument` naming the others."""
    return fieldmask.paths(mask, given, CHANGEABLE)


def redraft(stored: Contact, given: contact_pb2.Contact, changed: Sequence[str]) -> Draft:
    """Return the stored contact with the changed paths taken from `given`.

    A display name that was composed from the names is composed anew when they change.
    """
    whole = contact(stored)
    composed = whole.display_name
    FieldMask(paths=list(changed)).MergeMessage(
        given, whole, replace_message_field=True, replace_repeated_field=True
    )
    names = {it.split(".")[0] for it in changed} & _NAMED_BY
    if names and "display_name" not in names and _is_composed(stored.profile, composed):
        whole.display_name = ""
    return draft(whole)


def _is_composed(it: Profile, display_name: str) -> bool:
    words = f"{it.family_name} {it.given_name}".split()
    return sorted(words) == sorted(display_name.split())


def wanted(request: contact_service_pb2.ListContactsRequest) -> tuple[Filter, Order]:
    """Return what a list asks for; raises `InvalidArgument` naming each bad field."""
    checks = Checks()
    if int(request.order) not in {int(it) for it in Order}:
        checks.wrong("order", "is not one of the choices")
    found = filtered(request, checks)
    checks.finish()
    return found, Order(request.order)


def filtered(request: Filtered, checks: Checks) -> Filter:
    """Return which contacts a request is about, noting each bad field."""
    if len(request.query) > 200:
        checks.wrong("query", "is longer than 200 characters")
    for name in _LISTS:
        checks.at_most(name, getattr(request, name), 100)
    return Filter(
        words=listing.words(request.query),
        kind=checks.choice("kind", request.kind, Kind),
        statuses=tuple(
            checks.needed(f"statuses[{place}]", it, Status)
            for place, it in enumerate(request.statuses)
        ),
        life_stage_ids=_ids(checks, "life_stage_ids", request.life_stage_ids),
        source_ids=_ids(checks, "source_ids", request.source_ids),
        tags=tuple(request.tags),
        owner_ids=_ids(checks, "owner_ids", request.owner_ids),
        import_id=checks.uuid("import_id", request.import_id),
        created_from=values.moment(request, "created_from"),
        created_until=values.moment(request, "created_until"),
        conversions=tuple(
            checks.needed(f"conversions[{place}]", it, Conversion)
            for place, it in enumerate(request.conversions)
        ),
        main_owner_ids=_ids(checks, "main_owner_ids", request.main_owner_ids),
        passed_stage_ids=_ids(checks, "passed_life_stage_ids", request.passed_life_stage_ids),
        with_sale=request.with_sale,
    )


def _ids(checks: Checks, name: str, given: Sequence[str]) -> tuple[UUID | None, ...]:
    return tuple(checks.uuid(f"{name}[{place}]", it) for place, it in enumerate(given))


def change(it: StageChange) -> contact_pb2.StageChange:
    """Return the contract's move."""
    return contact_pb2.StageChange(
        id=str(it.id),
        contact_id=str(it.contact_id),
        from_life_stage_id=values.text(it.from_life_stage_id),
        to_life_stage_id=values.text(it.to_life_stage_id),
        from_status=int(it.from_status),  # type: ignore[arg-type]
        to_status=int(it.to_status),  # type: ignore[arg-type]
        actor=it.actor,
        reason=it.reason,
        time=values.stamp(it.time),
    )
