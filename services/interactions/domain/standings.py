"""Where a contact stands: what is to be done next, and when somebody last met the person."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Order(StrEnum):
    """In which order open leads are listed, by next follow-up or by last interaction.

    Those without a next follow-up come last, those whom nobody has met first.
    """

    NEXT_EARLIEST = "next_earliest"
    NEXT_LATEST = "next_latest"
    LAST_OLDEST = "last_oldest"


@dataclass(frozen=True)
class Standing:
    """The earliest follow-up that is scheduled or open, and the newest real contact, if any.

    A message to many or to a segment is no follow-up of any of them here.

    A real contact is a completed call or meeting, or a call, visit, letter or web contact that
    was logged and reached the person; what is sent by itself is none. `last_kind` names it
    ("call", "meeting", "visit", …), empty for none.
    """

    contact_id: UUID
    next_id: UUID | None = None
    next_time: datetime | None = None
    next_end_time: datetime | None = None
    next_title: str = ""
    last_time: datetime | None = None
    last_kind: str = ""
