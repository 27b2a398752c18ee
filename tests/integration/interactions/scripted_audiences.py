"""Leads that freezes audiences and streams them, as leads does."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from crm.leads.v1 import (
    audience_pb2,
    audience_service_pb2_grpc,
    contact_pb2,
)
from crm.leads.v1 import audience_service_pb2 as pb
from google.protobuf.empty_pb2 import Empty

from chassis import errors
from tests.integration.interactions.house import ScriptedLeads

_CONSENTED, _GONE = 1, 2


class ScriptedAudiences(audience_service_pb2_grpc.AudienceServiceServicer):
    """Freezes and streams contacts of `ScriptedLeads`, `batch` at a time."""

    def __init__(self, leads: ScriptedLeads) -> None:
        self.leads = leads
        self.frozen: dict[str, list[UUID]] = {}
        self.segment: list[str] = []
        self.without_consent: set[str] = set()
        self.batch = 1_000
        self.away = False
        self.breaks_after = 0  # batches of a stream, then it is away

    async def FreezeContacts(self, request_iterator: Any, _: Any) -> Any:
        self._be_there()
        run_id, ids = "", b""
        async for part in request_iterator:
            run_id, ids = run_id or part.run_id, ids + part.contact_ids
        found = [UUID(bytes=ids[at : at + 16]) for at in range(0, len(ids), 16)]
        return self._freeze(run_id, found)

    async def FreezeAudience(self, request: pb.FreezeAudienceRequest, _: Any) -> Any:
        self._be_there()
        return self._freeze(request.run_id, sorted(map(UUID, self.segment)))

    async def StreamAudience(self, request: pb.StreamAudienceRequest, _: Any) -> Any:
        self._be_there()
        ids = self.frozen[request.run_id]
        starts = range(request.after_ordinal, len(ids), self.batch)
        for sent, at in enumerate(starts):
            if self.breaks_after and sent == self.breaks_after:
                raise errors.Unavailable("PEER_UNAVAILABLE", "away", peer="leads")
            yield self._columns(request.view, at + 1, ids[at : at + self.batch])

    async def ReleaseAudience(self, request: pb.ReleaseAudienceRequest, _: Any) -> Empty:
        self._be_there()
        self.frozen.pop(request.run_id, None)
        return Empty()

    def _be_there(self) -> None:
        if self.away:
            raise errors.Unavailable("PEER_UNAVAILABLE", "away", peer="leads")

    def _freeze(self, run_id: str, ids: list[UUID]) -> audience_pb2.Audience:
        kept = self.frozen.setdefault(run_id, ids)
        return audience_pb2.Audience(id=run_id, size=len(kept))

    def _columns(
        self, view: pb.AudienceView, first: int, ids: Sequence[UUID]
    ) -> pb.StreamAudienceResponse:
        found = [self.leads.contacts.get(str(it)) for it in ids]
        marks = [
            _GONE if it is None else 0 if it.id in self.without_consent else _CONSENTED
            for it in found
        ]
        addresses = [_address(it, view.channel) if it else "" for it in found]
        values = [[_value(it, name) for it in found] for name in view.variables]
        return pb.StreamAudienceResponse(
            first_ordinal=first,
            contact_ids=b"".join(it.bytes for it in ids),
            marks=bytes(marks),
            addresses="\0".join(addresses).encode(),
            address_keys="\0".join(addresses).encode(),
            time_zones="\0".join(it.time_zone if it else "" for it in found).encode(),
            locales="\0".join(it.locale if it else "" for it in found).encode(),
            regions="\0".join("" for _ in found).encode(),
            values=["\0".join(column).encode() for column in values],
        )


def _address(contact: Any, channel: int) -> str:
    if channel == contact_pb2.CHANNEL_SMS:
        return contact.phones[0].number if contact.phones else ""
    return contact.emails[0].address if contact.emails else ""


def _value(contact: Any, name: str) -> str:
    """What leads has of a contact for a variable of a message."""
    if contact is None:
        return ""
    match name:
        case "display_name":
            return str(contact.display_name)
        case "email":
            return _address(contact, contact_pb2.CHANNEL_EMAIL)
        case "phone":
            return _address(contact, contact_pb2.CHANNEL_SMS)
        case "province" | "ward":
            return str(getattr(contact.address, name))
        case "birthday" if contact.birthday.month:
            return f"{contact.birthday.day:02}/{contact.birthday.month:02}"
    return ""
