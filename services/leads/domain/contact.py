"""A contact: what people write about a person, and what the system keeps of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from chassis.scope import Scope, identity

MAX_PHONES = 10
MAX_EMAILS = 10
MAX_TAGS = 50
MAX_EXTERNAL_IDS = 20
MAX_OWNERS = 20


class Kind(IntEnum):
    """Whether a person has bought or not yet; numbers are those of the contract."""

    LEAD = 1
    CUSTOMER = 2


class Status(IntEnum):
    """How far a lead has come."""

    NEW = 1
    CONTACTED = 2
    QUALIFIED = 3
    CONVERTED = 4
    LOST = 5


class Conversion(IntEnum):
    """How somebody became a customer; who was created as one was never a lead."""

    NONE = 1
    HAND = 2
    FIRST_SALE = 3
    ENTERED = 4


class Channel(IntEnum):
    """A way to reach a person."""

    SMS = 1
    EMAIL = 2


class Purpose(IntEnum):
    """What a message is for."""

    MARKETING = 1
    CARE = 2
    TRANSACTIONAL = 3
    CONSENT_REQUEST = 4


class Gender(IntEnum):
    """How a person wishes to be addressed; 0 is not known."""

    UNKNOWN = 0
    FEMALE = 1
    MALE = 2
    OTHER = 3


@dataclass(frozen=True)
class DraftAddress:
    """A phone number or e-mail address as written."""

    text: str
    label: str = ""
    primary: bool = False


@dataclass(frozen=True)
class Birthday:
    """A date whose year may be unknown (0)."""

    month: int
    day: int
    year: int = 0


@dataclass(frozen=True)
class Address:
    """A postal address by names."""

    street: str = ""
    ward: str = ""
    province: str = ""
    postal_code: str = ""
    country_code: str = ""


@dataclass(frozen=True)
class ExternalId:
    """The contact's id in another system."""

    system: str
    id: str


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A contact as somebody wrote it, nothing checked yet."""

    kind: int = 0
    reference_code: str = ""
    salutation: str = ""
    family_name: str = ""
    given_name: str = ""
    display_name: str = ""
    phones: Sequence[DraftAddress] = ()
    emails: Sequence[DraftAddress] = ()
    company: str = ""
    job_title: str = ""
    gender: int = 0
    birthday: Birthday | None = None
    address: Address | None = None
    locale: str = ""
    time_zone: str = ""
    region: str = ""
    preferred_channel: int = 0
    source_id: str = ""
    referred_by_contact_id: str = ""
    owner_ids: Sequence[str] = ()
    team_id: str = ""
    tags: Sequence[str] = ()
    external_ids: Sequence[ExternalId] = ()
    description: str = ""


@dataclass(frozen=True)
class Reach:
    """A phone number or e-mail address: as sent to (`address`) and as compared (`key`).

    What providers said of it before it was `confirmed` is no longer news.
    """

    address: str
    key: str
    label: str = ""
    primary: bool = False
    valid: bool = True
    confirmed: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What people may write about a contact, checked and normalised."""

    reference_code: str = ""
    salutation: str = ""
    family_name: str = ""
    given_name: str = ""
    display_name: str
    phones: tuple[Reach, ...] = ()
    emails: tuple[Reach, ...] = ()
    company: str = ""
    job_title: str = ""
    gender: Gender = Gender.UNKNOWN
    birthday: Birthday | None = None
    address: Address = field(default_factory=Address)
    locale: str = "vi"
    time_zone: str = "Asia/Ho_Chi_Minh"
    region: str = "vn"
    preferred_channel: Channel | None = None
    source_id: UUID | None = None
    referred_by_contact_id: UUID | None = None
    owner_ids: tuple[UUID, ...] = ()
    team_id: str = ""
    tags: tuple[str, ...] = ()
    external_ids: tuple[ExternalId, ...] = ()
    description: str = ""

    def within(self, scope: Scope) -> bool:
        """Whether who has `scope` reaches this contact."""
        return scope.covers(self.owner_ids, identity(self.team_id))


@dataclass(frozen=True, kw_only=True)
class Contact:
    """A contact as stored; `passed_stage_ids` are all stages it was in, in order of first entry."""

    id: UUID
    revision: int
    kind: Kind
    status: Status
    profile: Profile
    lost_reason: str = ""
    life_stage_id: UUID | None = None
    score: int = 0
    create_time: datetime
    update_time: datetime
    convert_time: datetime | None = None
    conversion: Conversion = Conversion.NONE
    passed_stage_ids: tuple[UUID, ...] = ()

    @property
    def etag(self) -> str:
        """Changes with every revision."""
        return str(self.revision)


def with_(profile: Profile, **values: object) -> Profile:
    """As `replace`, at a tenth of its cost, which an import pays for every row."""
    changed = object.__new__(Profile)
    object.__setattr__(changed, "__dict__", {**vars(profile), **values})
    return changed


def new_lead(
    contact_id: UUID, profile: Profile, life_stage_id: UUID | None, now: datetime
) -> Contact:
    """Return somebody who was not known before; made for every row of an import, so cheaply."""
    new = object.__new__(Contact)
    values = {"id": contact_id, "profile": profile, "life_stage_id": life_stage_id}
    passed = {"passed_stage_ids": (life_stage_id,) if life_stage_id else ()}
    times = {"create_time": now, "update_time": now}
    object.__setattr__(new, "__dict__", {**_NEW_LEAD, **values, **passed, **times})
    return new


_NEW_LEAD = {
    **{"revision": 1, "kind": Kind.LEAD, "status": Status.NEW},
    **{"lost_reason": "", "score": 0, "convert_time": None, "conversion": Conversion.NONE},
}


def coded(contact: Contact, reference_code: str) -> Contact:
    """Return the contact with this code."""
    changed = object.__new__(Contact)
    profile = with_(contact.profile, reference_code=reference_code)
    object.__setattr__(changed, "__dict__", {**vars(contact), "profile": profile})
    return changed


def address_keys(contact: Contact, channel: Channel) -> list[str]:
    """Return the addresses of a channel as they are compared."""
    profile = contact.profile
    return [it.key for it in (profile.phones if channel is Channel.SMS else profile.emails)]


def reach(addresses: Sequence[Reach]) -> Reach | None:
    """Return where to send: the primary address, or the first; one known to be dead never."""
    usable = [it for it in addresses if it.valid]
    return next((it for it in usable if it.primary), usable[0] if usable else None)


def keep_validity(before: Profile, after: Profile, now: datetime) -> Profile:
    """Return `after` with what is known about the addresses that stayed; the others are new."""
    known = {it.key: it for it in (*before.phones, *before.emails)}

    def marked(addresses: tuple[Reach, ...]) -> tuple[Reach, ...]:
        return tuple(
            replace(it, valid=old.valid, confirmed=old.confirmed)
            if (old := known.get(it.key))
            else replace(it, confirmed=now)
            for it in addresses
        )

    return replace(after, phones=marked(after.phones), emails=marked(after.emails))


def fail(contact: Contact, channel: Channel, key: str, at: datetime) -> Contact:
    """Return the contact with an address that failed then; the same if it knows better.

    Whoever wrote or confirmed the address after that knows better.
    """

    def failed(it: Reach) -> Reach:
        is_news = it.key == key and at > (it.confirmed or contact.create_time)
        return replace(it, valid=False) if is_news else it

    return _reached(contact, channel, failed)


def confirm(contact: Contact, channel: Channel, key: str, now: datetime) -> Contact:
    """Return the contact with an address that works after all; the same if it was valid."""

    def confirmed(it: Reach) -> Reach:
        return it if it.key != key or it.valid else replace(it, valid=True, confirmed=now)

    return _reached(contact, channel, confirmed)


def _reached(contact: Contact, channel: Channel, change: Callable[[Reach], Reach]) -> Contact:
    profile = contact.profile
    name = "phones" if channel is Channel.SMS else "emails"
    held: tuple[Reach, ...] = getattr(profile, name)
    changed = tuple(map(change, held))
    return (
        contact if changed == held else replace(contact, profile=with_(profile, **{name: changed}))
    )
