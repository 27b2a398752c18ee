"""Contacts as lines of a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from crm.leads.v1 import contact_line_pb2, contact_service_pb2

from services.leads.domain import unreadable
from services.leads.domain.contact import Address, Birthday, Contact, Reach
from services.leads.domain.fields import Checks
from services.leads.domain.listing import Filter
from services.leads.messages import contacts, values

MOST_BYTES = 1024 * 1024
"""Of a part, a quarter of what a message may have: descriptions are long in some files."""

_BETWEEN = "; "


def wanted(request: contact_service_pb2.ExportContactsRequest) -> Filter:
    """Return which contacts are asked for; raises `InvalidArgument` naming each bad field."""
    checks = Checks()
    found = contacts.filtered(request, checks)
    checks.finish()
    return found


def parts(
    lines: Iterable[contact_line_pb2.ContactLine],
) -> Iterator[contact_service_pb2.ExportContactsResponse]:
    """Return the lines in answers of at most `MOST_BYTES`, or of one line."""
    held: list[contact_line_pb2.ContactLine] = []
    size = 0
    for each in lines:
        size += each.ByteSize()
        if held and size > MOST_BYTES:
            yield contact_service_pb2.ExportContactsResponse(contacts=held)
            held, size = [], each.ByteSize()
        held.append(each)
    if held:
        yield contact_service_pb2.ExportContactsResponse(contacts=held)


def line(it: Contact, names: Mapping[UUID, str]) -> contact_line_pb2.ContactLine:
    """Return the line of a contact; `names` are those of sources and life stages."""
    profile = it.profile
    phone, phone_2, phone_3 = _reaches(profile.phones)
    email, email_2, email_3 = _reaches(profile.emails)
    place = profile.address
    return contact_line_pb2.ContactLine(
        reference_code=profile.reference_code,
        kind=int(it.kind),  # type: ignore[arg-type]
        status=int(it.status),  # type: ignore[arg-type]
        lost_reason=it.lost_reason,
        salutation=profile.salutation,
        family_name=profile.family_name,
        given_name=profile.given_name,
        display_name=profile.display_name,
        phone=phone,
        phone_2=phone_2,
        phone_3=phone_3,
        email=email,
        email_2=email_2,
        email_3=email_3,
        company=profile.company,
        job_title=profile.job_title,
        gender=int(profile.gender),  # type: ignore[arg-type]
        birthday=_birthday(profile.birthday),
        street=place.street,
        ward=place.ward,
        province=place.province,
        postal_code=place.postal_code,
        country_code="" if place == Address() else place.country_code,
        source=_name(profile.source_id, names),
        life_stage=_name(it.life_stage_id, names),
        tags=_BETWEEN.join(profile.tags),
        owner_ids=_BETWEEN.join(str(each) for each in profile.owner_ids),
        team_id=profile.team_id,
        external_ids=_BETWEEN.join(f"{each.system}:{each.id}" for each in profile.external_ids),
        description=unreadable.shown(profile.description),
        create_time=values.stamp(it.create_time),
        update_time=values.stamp(it.update_time),
    )


def _reaches(given: Sequence[Reach]) -> tuple[str, str, str]:
    """Return the addresses of three cells: the primary one, the next, and all others."""
    ordered = sorted(given, key=lambda it: not it.primary)
    first, second, *others = [*(it.address for it in ordered), "", ""]
    return first, second, _BETWEEN.join(it for it in others if it)


def _birthday(it: Birthday | None) -> str:
    if it is None:
        return ""
    # A day without a year begins with "--" in ISO 8601, which would look like a formula.
    return f"{it.year:04}-{it.month:02}-{it.day:02}" if it.year else f"{it.day:02}/{it.month:02}"


def _name(its_id: UUID | None, names: Mapping[UUID, str]) -> str:
    return names.get(its_id, "") if its_id else ""
