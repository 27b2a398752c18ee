"""Turns a draft of a contact into its profile, or says everything that is wrong with it."""

from collections.abc import Sequence
from datetime import date

from chassis.errors import FieldViolation
from services.leads.domain import contact as model
from services.leads.domain import names, provinces, reachable, text
from services.leads.domain.contact import (
    Address,
    Birthday,
    Channel,
    Draft,
    DraftAddress,
    ExternalId,
    Gender,
    Profile,
    Reach,
)
from services.leads.domain.fields import Checks

LONGEST = {
    "salutation": 40,
    "family_name": 120,
    "given_name": 120,
    "display_name": 200,
    "company": 200,
    "job_title": 120,
    "reference_code": 40,
    "team_id": 64,
}
_LEAP_YEAR = 2000


def check(
    draft: Draft, *, home_region: str, prefix: str = "contact."
) -> tuple[Profile | None, list[FieldViolation]]:
    """Return the profile, or None and each bad field with a reason a person understands.

    Fields are named below `prefix` (`contact.phones[0].number`). No I/O: whether ids exist is
    not known here.
    """
    checks = Checks(prefix)
    profile = _profile(checks, draft, home_region)
    if not (profile.display_name or profile.phones or profile.emails) and not checks.violations:
        checks.wrong("display_name", "a name, a phone or an e-mail address is needed")
    return (None, checks.violations) if checks.violations else (profile, [])


def _profile(checks: Checks, draft: Draft, home_region: str) -> Profile:
    country = checks.country(
        "address.country_code", draft.address.country_code if draft.address else ""
    )
    lines = {
        name: checks.line(name, getattr(draft, name), most)
        for name, most in LONGEST.items()
        if getattr(draft, name)
    }
    locale = checks.locale("locale", draft.locale)
    phones = _phones(checks, draft.phones, country)
    emails = _emails(checks, draft.emails)
    lines["display_name"] = lines.get("display_name", "") or _called(lines, locale, emails, phones)
    return Profile(
        **lines,
        phones=phones,
        emails=emails,
        gender=checks.choice("gender", draft.gender, Gender) or Gender.UNKNOWN,
        birthday=birthday(checks, draft.birthday),
        address=address(checks, draft.address, country),
        locale=locale,
        time_zone=checks.time_zone("time_zone", draft.time_zone),
        region=checks.region("region", draft.region, home_region),
        preferred_channel=checks.choice("preferred_channel", draft.preferred_channel, Channel),
        source_id=checks.uuid("source_id", draft.source_id),
        referred_by_contact_id=checks.uuid("referred_by_contact_id", draft.referred_by_contact_id),
        owner_ids=checks.ids("owner_ids", draft.owner_ids, model.MAX_OWNERS),
        tags=tags(checks, draft.tags),
        external_ids=_external_ids(checks, draft.external_ids),
        description=checks.paragraphs("description", draft.description, 4_000),
    )


def _called(
    lines: dict[str, str], locale: str, emails: tuple[Reach, ...], phones: tuple[Reach, ...]
) -> str:
    """A person without a name is shown by the best that is known."""
    named = names.display(lines.get("family_name", ""), lines.get("given_name", ""), locale)
    if named or lines.get("company"):
        return named or lines["company"]
    first = model.reach(emails) or model.reach(phones)
    return first.address[:200] if first else ""


def _phones(checks: Checks, drafts: Sequence[DraftAddress], country: str) -> tuple[Reach, ...]:
    found: list[Reach] = []
    for place, draft in enumerate(drafts):
        number = reachable.phone(draft.text, country)
        if number is None:
            checks.wrong(f"phones[{place}].number", f"is not a valid phone number ({country})")
            continue
        label = checks.line(f"phones[{place}].label", draft.label, 40)
        found.append(Reach(number, number, label, draft.primary))
    return _each_once(checks, "phones", found, model.MAX_PHONES)


def _emails(checks: Checks, drafts: Sequence[DraftAddress]) -> tuple[Reach, ...]:
    found: list[Reach] = []
    for place, draft in enumerate(drafts):
        address = reachable.email(draft.text)
        if address is None:
            checks.wrong(f"emails[{place}].address", "is no e-mail address")
            continue
        label = checks.line(f"emails[{place}].label", draft.label, 40)
        found.append(Reach(*address, label, draft.primary))
    return _each_once(checks, "emails", found, model.MAX_EMAILS)


def _each_once(checks: Checks, name: str, found: list[Reach], most: int) -> tuple[Reach, ...]:
    checks.at_most(name, found, most)
    if sum(it.primary for it in found) > 1:
        checks.wrong(name, "has more than one primary")
    once: dict[str, Reach] = {}
    for it in found:
        known = once.get(it.key)
        if known is None or (it.primary and not known.primary):
            once[it.key] = it
    return tuple(once.values())


def birthday(checks: Checks, given: Birthday | None) -> Birthday | None:
    """Return a birthday that can be."""
    if given is None:
        return None
    try:
        day = date(given.year or _LEAP_YEAR, given.month, given.day)
    except (ValueError, OverflowError):
        checks.wrong("birthday", "is no date")
        return None
    if given.year and not 1850 <= day.year <= 2200:
        checks.wrong("birthday", "has a year that cannot be")
        return None
    return given


def address(checks: Checks, given: Address | None, country: str) -> Address:
    """Return an address by the names law gives provinces and wards."""
    if given is None:
        return Address()
    province = checks.line("address.province", given.province, 100)
    ward = checks.line("address.ward", given.ward, 100)
    if country == "VN" and province:
        found = provinces.find(province)
        if found is None:
            checks.wrong("address.province", "is none of Vietnam's 34 provinces and cities")
        else:
            # Old wards live on in files and memories: one that is not known stays as written.
            province, ward = found.name, found.ward(ward) or ward
    return Address(
        street=checks.line("address.street", given.street, 200),
        ward=ward,
        province=province,
        postal_code=checks.line("address.postal_code", given.postal_code, 20),
        country_code=country,
    )


def tags(checks: Checks, given: Sequence[str]) -> tuple[str, ...]:
    """Return each tag once, however it is written."""
    checks.at_most("tags", given, model.MAX_TAGS)
    once: dict[str, str] = {}
    for place, tag in enumerate(given):
        cleaned = checks.line(f"tags[{place}]", tag, 60, required=True)
        if cleaned:
            once.setdefault(cleaned.casefold(), cleaned)
    return tuple(once.values())


def _external_ids(checks: Checks, given: Sequence[ExternalId]) -> tuple[ExternalId, ...]:
    checks.at_most("external_ids", given, model.MAX_EXTERNAL_IDS)
    found: list[ExternalId] = []
    for place, it in enumerate(given):
        path = f"external_ids[{place}]"
        system = checks.line(f"{path}.system", it.system, 40, required=True)
        its_id = checks.line(f"{path}.id", it.id, 200, required=True)
        found.append(ExternalId(text.line(system).lower(), its_id))
    return tuple(dict.fromkeys(found))
