"""The move of a contact to another life stage that an accepted proposal asks for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chassis.errors import (
    Aborted,
    AlreadyExists,
    Error,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)


class StageMove(StrEnum):
    """What became of it."""

    NONE = ""
    WAITING = "waiting"
    MOVED = "moved"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why leads will not move a contact."""

    MOVED_SINCE = "moved_since"
    STATUS = "status"
    NO_STAGE = "no_stage"
    NO_CONTACT = "no_contact"
    OTHER = "other"


@dataclass(frozen=True)
class Move:
    """What leads is asked for, the same at each try; `attempts` counts this one.

    It is for the acceptance at `answer_time`: a move of the contact after that is by a hand that
    knew better, and stays.
    """

    proposal_id: UUID
    number: str
    contact_id: UUID
    life_stage_id: UUID
    answer_time: datetime
    attempts: int

    @property
    def request_id(self) -> str:
        """Names the move for leads, which does one of however many requests."""
        return f"proposal/{self.proposal_id}/accepted"


def refusal(error: Error) -> Refusal | None:
    """Returns what a refusal by leads means; None for a failure that may pass."""
    if isinstance(error, Aborted):
        return Refusal.MOVED_SINCE if error.reason == "ETAG_STALE" else None
    if isinstance(error, FailedPrecondition):
        return Refusal.STATUS
    if isinstance(error, NotFound):
        is_stage = error.metadata.get("resource") == "life_stage"
        return Refusal.NO_STAGE if is_stage else Refusal.NO_CONTACT
    final = isinstance(error, InvalidArgument | AlreadyExists | PermissionDenied)
    return Refusal.OTHER if final else None
