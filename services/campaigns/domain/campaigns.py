"""What a campaign is, and which drafts are refused."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chassis.errors import FieldViolation
from chassis.scope import Scope
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.states import MAYBE_REACHED, UNREACHED, RecipientState, RunState

MAX_NAME = 200
MAX_CONTACTS = 10_000
MAX_SEGMENTS = 100
KINDS = ("", "lead", "customer")


@dataclass(frozen=True)
class Unreached:
    """Recipients of a run that it did not reach, by their states."""

    run_id: str
    states: tuple[RecipientState, ...]
    accept_duplicate: bool = False


@dataclass(frozen=True)
class Audience:
    """Who is to get a campaign; ids are text as given until they are checked."""

    kind: str = ""
    segment_ids: tuple[str, ...] = ()
    contact_ids: tuple[str, ...] = ()
    excluded_segment_ids: tuple[str, ...] = ()
    unreached: Unreached | None = None


@dataclass(frozen=True)
class Draft:
    """A campaign as somebody writes it; None and empty text stand for what is missing."""

    name: str
    channel: Channel | None
    purpose: Purpose | None
    advertiser_id: str
    sender_identity_id: str
    template_id: str
    audience: Audience | None
    not_after: datetime | None = None
    max_per_second: int = 0


@dataclass(frozen=True)
class Campaign:
    """A stored campaign with its newest run, if it has one."""

    id: UUID
    revision: int
    name: str
    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    sender_identity_id: UUID
    template_id: UUID
    audience: Audience
    not_after: datetime | None
    max_per_second: int
    latest_run_id: UUID | None
    latest_run_state: RunState | None
    creator_id: str
    team_id: UUID | None
    create_time: datetime
    update_time: datetime

    def within(self, scope: Scope) -> bool:
        """Whether who has `scope` reaches it."""
        return scope.covers((), self.team_id, self.creator_id)

    def draft(self) -> Draft:
        """Return what somebody may change."""
        return Draft(
            name=self.name,
            channel=self.channel,
            purpose=self.purpose,
            advertiser_id=str(self.advertiser_id),
            sender_identity_id=str(self.sender_identity_id),
            template_id=str(self.template_id),
            audience=self.audience,
            not_after=self.not_after,
            max_per_second=self.max_per_second,
        )


_NUMBERED = re.compile(r"(.+) \(([0-9]{1,6})\)", re.DOTALL)

FIELDS = tuple(Draft.__dataclass_fields__)


def changed(stored: Draft, given: Draft, paths: Sequence[str]) -> Draft:
    """Return the draft with the named fields taken from `given`."""
    return replace(stored, **{path: getattr(given, path) for path in paths})


def copied(original: Draft, name: str, now: datetime) -> Draft:
    """Return the draft of a copy: under the name given, or the original's with a number behind.

    A "not after" that has passed is left out, since the copy could never be started with it.
    """
    late = original.not_after is not None and original.not_after <= now
    return replace(
        original,
        name=name or _numbered(original.name),
        not_after=None if late else original.not_after,
    )


def _numbered(name: str) -> str:
    """Return "Tết" as "Tết (2)" and "Tết (2)" as "Tết (3)", cut to what a name may have."""
    found = _NUMBERED.fullmatch(name)
    stem, number = (found.group(1), int(found.group(2)) + 1) if found else (name, 2)
    behind = f" ({number})"
    return stem[: MAX_NAME - len(behind)].rstrip() + behind


def violations(draft: Draft, now: datetime) -> list[FieldViolation]:
    """Return every field that is missing or wrong in itself."""
    found = [*_name(draft.name)]
    found += [
        (field, "is required")
        for field in ("channel", "purpose", "audience")
        if getattr(draft, field) is None
    ]
    for field in ("advertiser_id", "sender_identity_id", "template_id"):
        found += _id(field, getattr(draft, field))
    if draft.audience is not None:
        found += _audience(draft.audience)
    if draft.not_after is not None and draft.not_after <= now:
        found.append(("not_after", "has passed"))
    if draft.max_per_second < 0:
        found.append(("max_per_second", "must not be negative"))
    return [FieldViolation(f"campaign.{field}", why) for field, why in found]


def as_uuid(text: str) -> UUID | None:
    """Return the UUID written in `text`, None if there is none."""
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None


def _name(name: str) -> Iterable[tuple[str, str]]:
    if not name.strip():
        yield "name", "is required"
    elif len(name) > MAX_NAME:
        yield "name", f"is longer than {MAX_NAME} characters"


def _id(field: str, text: str) -> Iterable[tuple[str, str]]:
    if not text:
        yield field, "is required"
    elif as_uuid(text) is None:
        yield field, "is not a UUID"


def _unreached(audience: Audience, unreached: Unreached) -> Iterable[tuple[str, str]]:
    at = "audience.unreached"
    yield from _id(f"{at}.run_id", unreached.run_id)
    if not unreached.states:
        yield f"{at}.states", "is required"
    elif not UNREACHED.issuperset(unreached.states):
        yield f"{at}.states", "names some who were reached"
    if MAYBE_REACHED.intersection(unreached.states) and not unreached.accept_duplicate:
        yield f"{at}.accept_duplicate", "must be true: some may get it twice"
    others = (audience.kind, audience.segment_ids, audience.contact_ids)
    if any(others) or audience.excluded_segment_ids:
        yield at, "cannot stand beside other parts"


def _audience(audience: Audience) -> Iterable[tuple[str, str]]:
    if audience.unreached is not None:
        yield from _unreached(audience, audience.unreached)
    if audience.kind not in KINDS:
        yield "audience.kind", 'must be "lead", "customer" or empty'
    for field, ids, most in (
        ("segment_ids", audience.segment_ids, MAX_SEGMENTS),
        ("contact_ids", audience.contact_ids, MAX_CONTACTS),
        ("excluded_segment_ids", audience.excluded_segment_ids, MAX_SEGMENTS),
    ):
        if len(ids) > most:
            yield f"audience.{field}", f"has more than {most} ids"
            continue
        for place, text in enumerate(ids):
            if as_uuid(text) is None:
                yield f"audience.{field}[{place}]", "is not a UUID"
