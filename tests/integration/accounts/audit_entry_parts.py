"""What is told to the audit log, and what it kept."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from crm.accounts.v1 import audit_service_pb2 as pb2
from google.protobuf.struct_pb2 import Struct

from services.accounts.messages import audit as messages


def told(subject: str = "1", action: str = "contact.update", **more: Any) -> bytes:
    entry = Struct()
    entry.update(
        {
            "id": str(uuid4()),
            "time": datetime.now(UTC).isoformat(),
            "service": "leads",
            "actor": {"subject": "u1", "kind": "user", "actor": None},
            "action": action,
            "subject_type": "contact",
            "subject_id": subject,
            "before": {"name": "Lan", "score": 3},
            "after": {"name": "Lan Anh", "score": 4},
            "request_id": "r",
            **more,
        }
    )
    return entry.SerializeToString()


async def chain(house: Any, *payloads: bytes) -> None:
    for payload in payloads:
        async with house.sessions.begin() as session:
            await house.trail.chain(session, [messages.happening(payload)])


async def listed(house: Any, **wanted: Any) -> Any:
    return await house.audit().ListAuditEntries(pb2.ListAuditEntriesRequest(**wanted))
