"""Standings as they are kept, and as a look at the tables says."""

from typing import Any

from crm.interactions.v1 import follow_up_service_pb2 as follow_up_pb2s
from crm.interactions.v1 import interaction_pb2
from crm.interactions.v1 import interaction_service_pb2 as interaction_pb2s
from sqlalchemy import text

from tests.integration.interactions.house import person

CALL, VISIT = interaction_pb2.INTERACTION_KIND_CALL, interaction_pb2.INTERACTION_KIND_VISIT
TRUTH = text("""
    SELECT c.id,
        (SELECT f.id FROM follow_ups AS f WHERE f.contact_id = c.id
            AND f.status NOT IN ('completed', 'cancelled')
            ORDER BY f.start_time, f.id LIMIT 1) AS next_id,
        (SELECT min(f.start_time) FROM follow_ups AS f WHERE f.contact_id = c.id
            AND f.status NOT IN ('completed', 'cancelled')) AS next_time,
        greatest(
            (SELECT max(f.close_time) FROM follow_ups AS f WHERE f.contact_id = c.id
                AND f.status = 'completed' AND f.type NOT IN ('sms', 'email')),
            (SELECT max(i.start_time) FROM interactions AS i WHERE i.contact_id = c.id
                AND i.result NOT IN ('no_answer', 'wrong_address'))
        ) AS last_time
    FROM contacts AS c ORDER BY c.id
""")
KEPT = text("""
    SELECT id, next_follow_up_id AS next_id, next_follow_up_time AS next_time,
        last_interaction_time AS last_time
    FROM contacts ORDER BY id
""")


async def differences(house: Any) -> list[Any]:
    """Rows of the copies that do not say what the tables say; at least one row is looked at."""
    async with house.sessions.begin() as session:
        true = [tuple(row) for row in await session.execute(TRUTH)]
        kept = [tuple(row) for row in await session.execute(KEPT)]
    assert true
    return [(is_, should) for is_, should in zip(kept, true, strict=True) if is_ != should]


async def log(house: Any, contact_id: str, who: Any = None, **more: Any) -> Any:
    given = {"kind": CALL, **more}
    logged = interaction_pb2.Interaction(contact_id=contact_id, **given)
    asked = interaction_pb2s.CreateInteractionRequest(interaction=logged)
    return await house.interactions(who or person()).CreateInteraction(asked)


async def complete(house: Any, follow_up_id: str, who: Any = None, **more: Any) -> Any:
    asked = follow_up_pb2s.CompleteFollowUpRequest(id=follow_up_id, outcome="xong", **more)
    return await house.follow_ups(who or person()).CompleteFollowUp(asked)
