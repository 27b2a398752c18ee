"""Where a contact stands: what is to be done next, and when somebody last met the person."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Standing:
    """The earliest follow-up that is scheduled or open, and the newest real contact, if any.

    A real contact is a completed call or meeting, or a call, visit, letter or web contact that
    was logged and reached the person; what is sent by itself is none. `last_kind` names it
    ("call", "meeting", "visit", …), empty for none.
    """

    contact_id: UUID
    next_id: UUID | None = None
    next_time: datetime | None = None
    next_title: str = ""
    last_time: datetime | None = None
    last_kind: str = ""
