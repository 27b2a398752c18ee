"""A contact as a row, and a row as a contact."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.leads.domain import contact as model
from services.leads.domain import listing, text
from services.leads.domain.contact import (
    Address,
    Birthday,
    Channel,
    Contact,
    Conversion,
    ExternalId,
    Gender,
    Kind,
    Profile,
    Reach,
    Status,
)
from services.leads.storage import tables

COLUMNS = [it.name for it in tables.contacts.columns]
# What is derived for queries is written and never read back.
READ = [
    it
    for it in tables.contacts.columns
    if it.name not in {"sort_key", "search_text", "phone", "email", "email_key"}
]


def row(contact: Contact) -> dict[str, object]:
    """Return the row of a contact; `search_text` is to be folded by the database."""
    profile = contact.profile
    return {
        "id": contact.id,
        "revision": contact.revision,
        "kind": contact.kind,
        "status": contact.status,
        "lost_reason": contact.lost_reason,
        "life_stage_id": contact.life_stage_id,
        "score": contact.score,
        "create_time": contact.create_time,
        "update_time": contact.update_time,
        "convert_time": contact.convert_time,
        "conversion": contact.conversion,
        "passed_stage_ids": contact.passed_stage_ids,
        **_person(profile),
        **_reaching(profile),
        **_belonging(profile),
    }


def _person(it: Profile) -> dict[str, object]:
    born = it.birthday or Birthday(0, 0)
    return {
        "reference_code": it.reference_code,
        "salutation": it.salutation,
        "family_name": it.family_name,
        "given_name": it.given_name,
        "display_name": it.display_name,
        "sort_key": text.sort_key(it.family_name, it.given_name, it.display_name),
        "search_text": search_text(it),
        "company": it.company,
        "job_title": it.job_title,
        "gender": it.gender,
        "birth_year": born.year,
        "birth_month": born.month,
        "birth_day": born.day,
        "description": it.description,
    }


def _reaching(it: Profile) -> dict[str, object]:
    phone, email = model.reach(it.phones), model.reach(it.emails)
    return {
        "phones": [reach_plain(each) for each in it.phones],
        "emails": [reach_plain(each) for each in it.emails],
        "phone": phone.address if phone else "",
        "email": email.address if email else "",
        "email_key": email.key if email else "",
        "street": it.address.street,
        "ward": it.address.ward,
        "province": it.address.province,
        "postal_code": it.address.postal_code,
        "country_code": it.address.country_code,
        "locale": it.locale,
        "time_zone": it.time_zone,
        "region": it.region,
        "preferred_channel": it.preferred_channel or 0,
    }


def _belonging(it: Profile) -> dict[str, object]:
    return {
        "source_id": it.source_id,
        "referred_by_contact_id": it.referred_by_contact_id,
        "owner_ids": it.owner_ids,
        "team_id": it.team_id,
        "tags": it.tags,
        "external_ids": [{"system": each.system, "id": each.id} for each in it.external_ids],
    }


def address_rows(contacts: Sequence[Contact]) -> list[dict[str, object]]:
    """Return the rows by which contacts are found by phone or e-mail address."""
    return [
        {"channel": channel, "key": it.key, "contact_id": contact.id}
        for contact in contacts
        for channel, reaches in (
            (Channel.SMS, contact.profile.phones),
            (Channel.EMAIL, contact.profile.emails),
        )
        for it in reaches
    ]


def external_id_rows(contacts: Sequence[Contact]) -> list[dict[str, object]]:
    """Return the rows by which contacts are found by their ids in other systems."""
    return [
        {"system": it.system, "external_id": it.id, "contact_id": contact.id}
        for contact in contacts
        for it in contact.profile.external_ids
    ]


def contact(it: Any) -> Contact:
    """Return the contact of a row with the columns `READ`."""
    return Contact(
        id=it.id,
        revision=it.revision,
        kind=Kind(it.kind),
        status=Status(it.status),
        lost_reason=it.lost_reason,
        life_stage_id=it.life_stage_id,
        score=it.score,
        create_time=it.create_time,
        update_time=it.update_time,
        convert_time=it.convert_time,
        conversion=Conversion(it.conversion),
        passed_stage_ids=_ids(it.passed_stage_ids),
        profile=_profile(it),
    )


def _profile(it: Any) -> Profile:
    return Profile(
        reference_code=it.reference_code,
        salutation=it.salutation,
        family_name=it.family_name,
        given_name=it.given_name,
        display_name=it.display_name,
        phones=_reaches(it.phones),
        emails=_reaches(it.emails),
        company=it.company,
        job_title=it.job_title,
        gender=Gender(it.gender),
        birthday=Birthday(it.birth_month, it.birth_day, it.birth_year) if it.birth_month else None,
        address=Address(it.street, it.ward, it.province, it.postal_code, it.country_code),
        locale=it.locale,
        time_zone=it.time_zone,
        region=it.region,
        preferred_channel=Channel(it.preferred_channel) if it.preferred_channel else None,
        source_id=it.source_id,
        referred_by_contact_id=it.referred_by_contact_id,
        owner_ids=_ids(it.owner_ids),
        team_id=it.team_id,
        tags=tuple(it.tags),
        external_ids=tuple(ExternalId(each["system"], each["id"]) for each in it.external_ids),
        description=it.description,
    )


def reach_plain(it: Reach) -> dict[str, object]:
    """Return a number or address as the row keeps it, what is usual left out."""
    plain: dict[str, object] = {"address": it.address}
    if it.key != it.address:
        plain["key"] = it.key
    if it.label:
        plain["label"] = it.label
    if it.primary:
        plain["primary"] = True
    if not it.valid:
        plain["valid"] = False
    if it.confirmed is not None:
        plain["confirmed"] = it.confirmed.isoformat()
    return plain


def _reaches(plain: Sequence[dict[str, Any]]) -> tuple[Reach, ...]:
    return tuple(
        Reach(
            it["address"],
            it.get("key", it["address"]),
            it.get("label", ""),
            it.get("primary", False),
            it.get("valid", True),
            datetime.fromisoformat(it["confirmed"]) if "confirmed" in it else None,
        )
        for it in plain
    )


def _ids(values: Sequence[UUID | str]) -> tuple[UUID, ...]:
    return tuple(it if isinstance(it, UUID) else UUID(it) for it in values)


def search_text(it: Profile) -> str:
    """Return what a contact is found by, not yet folded."""
    names = (it.display_name, it.family_name, it.given_name, it.company, it.reference_code)
    emails, phones = (tuple(each.key for each in some) for some in (it.emails, it.phones))
    whole = it.display_name
    kept = tuple(each for each in names if each == whole or each not in whole)
    return listing.search_source(kept, emails, phones)
