"""How a lead's status and life stage move: forward, together, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chassis.errors import FailedPrecondition, FieldViolation, InvalidArgument
from services.leads.domain.contact import Contact, Conversion, Kind, Status


@dataclass(frozen=True, kw_only=True)
class LifeStage:
    """A stage of the organisation's own life cycle; `implied_status` is set on entering it."""

    id: UUID
    revision: int
    name: str
    position: int
    color: str = ""
    probability: int = 0
    implied_status: Status | None = None
    create_time: datetime


@dataclass(frozen=True, kw_only=True)
class StageChange:
    """One move of a contact between statuses or life stages."""

    id: UUID
    contact_id: UUID
    from_life_stage_id: UUID | None
    to_life_stage_id: UUID | None
    from_status: Status
    to_status: Status
    actor: str
    reason: str
    time: datetime


def advanced(current: Contact, to: Status) -> Status:
    """Return `to` if a contact of this status may move there: forward, or a lead to lost."""
    if to is current.status:
        return to
    lost = Status.LOST in (current.status, to)
    allowed = current.status < to if not lost else to in _FROM_OR_TO_LOST[current.status]
    if not allowed:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            f"a status of {current.status.name} cannot become {to.name}",
            resource="contact",
            state=current.status.name,
            to=to.name,
        )
    return to


# A lost lead that buys after all becomes a customer; a customer is never a lost lead.
_FROM_OR_TO_LOST = {
    Status.NEW: {Status.LOST},
    Status.CONTACTED: {Status.LOST},
    Status.QUALIFIED: {Status.LOST},
    Status.CONVERTED: set[Status](),
    Status.LOST: {Status.CONVERTED},
}


def moved(
    current: Contact,
    to: Status,
    stage_id: UUID | None,
    *,
    lost_reason: str,
    now: datetime,
    by: Conversion = Conversion.HAND,
) -> Contact:
    """Return the contact with status and stage of after the move, its revision grown by one.

    `by` is how it became a customer, if it does by this.
    """
    converts = to is Status.CONVERTED and current.status is not Status.CONVERTED
    return replace(
        current,
        revision=current.revision + 1,
        kind=Kind.CUSTOMER if to is Status.CONVERTED else current.kind,
        status=to,
        lost_reason=lost_reason if to is Status.LOST else "",
        life_stage_id=stage_id,
        convert_time=now if converts else current.convert_time,
        conversion=by if converts else current.conversion,
        passed_stage_ids=passed(current.passed_stage_ids, stage_id),
        update_time=now,
    )


def passed(before: tuple[UUID, ...], stage_id: UUID | None) -> tuple[UUID, ...]:
    """Return the stages somebody has been in who enters `stage_id`, each once."""
    return before if stage_id is None or stage_id in before else (*before, stage_id)


def stage_for(status: Status, current: UUID | None, stages: Sequence[LifeStage]) -> UUID | None:
    """Return the stage a contact of this status belongs in, so that the two never disagree.

    It stays where it is unless its stage implies another status; then it goes to the first stage
    that implies this one, or to none.
    """
    by_id = {it.id: it for it in stages}
    here = by_id.get(current) if current else None
    if here is None or here.implied_status in (None, status):
        return current
    return first_stage(status, stages)


def first_stage(status: Status, stages: Sequence[LifeStage]) -> UUID | None:
    """Return the first stage that implies a status, where somebody new begins; None without."""
    fitting = [it for it in stages if it.implied_status is status]
    return min(fitting, key=lambda it: it.position).id if fitting else None


def check_lost_reason(to: Status, reason: str, field: str = "lost_reason") -> None:
    """Refuse a loss without a reason, and a reason without a loss."""
    if to is Status.LOST and not reason:
        why = "is required to lose a lead"
    elif to is not Status.LOST and reason and field == "lost_reason":
        why = "belongs to a lost lead only"
    else:
        return
    violation = FieldViolation(field, why)
    raise InvalidArgument("FIELDS_INVALID", f"{field} {why}", violations=[violation])
