"""Notes: what somebody wrote about a contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.context import Level
from chassis.scope import Scope
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems

LONGEST = 10_000
MOST_MENTIONED = 20


@dataclass(frozen=True)
class Note:
    """A note as it is kept; `author_id` is a user's or program's id or a service's name."""

    id: UUID
    revision: int
    contact_id: UUID
    text: str
    author_id: str
    create_time: datetime
    update_time: datetime
    mentioned_user_ids: tuple[UUID, ...] = ()

    def changeable(self, scope: Scope) -> bool:
        """Returns True if who has this reach may change it; OWN reaches what one wrote."""
        return scope.level is not Level.OWN or self.author_id == scope.subject


def text(given: str, field: str, problems: Problems) -> str:
    """Returns the text to keep."""
    return fields.text(given, field, LONGEST, problems, required=True)


def mentioned(given: Sequence[str], field: str, problems: Problems) -> list[UUID]:
    """Returns whom a note mentions, each once, in the order given."""
    if len(given) > MOST_MENTIONED:
        problems.add(field, f"more than {MOST_MENTIONED}")
        given = given[:MOST_MENTIONED]
    ids = [fields.uuid(each, f"{field}[{at}]", problems) for at, each in enumerate(given)]
    return list(dict.fromkeys(it for it in ids if it is not None))
