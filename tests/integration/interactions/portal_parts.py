"""What customers do in the portal and staff answer, as tests call it."""

from typing import Any

from crm.interactions.v1 import follow_up_pb2
from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.interactions.v1 import request_service_pb2 as staff_pb2

from chassis.context import Principal
from tests.integration.interactions.house import SERVICE, House, later

CALL, MEETING = follow_up_pb2.FOLLOW_UP_TYPE_CALL, follow_up_pb2.FOLLOW_UP_TYPE_MEETING


async def ask(house: House, contact: Any, subject: str = "Bảo hành", **more: Any) -> Any:
    request = pb2.CreateMyRequestRequest(subject=subject, text="Máy kêu to", **more)
    return await house.portal(contact.id).CreateMyRequest(request)


async def reply(house: House, contact: Any, request_id: str, text: str = "Vẫn kêu") -> Any:
    request = pb2.ReplyToMyRequestRequest(id=request_id, text=text)
    return await house.portal(contact.id).ReplyToMyRequest(request)


async def read(house: House, contact: Any, request_id: str) -> Any:
    return await house.portal(contact.id).GetMyRequest(pb2.GetMyRequestRequest(id=request_id))


async def asked(house: House, contact: Any, **wanted: Any) -> list[str]:
    found = await house.portal(contact.id).ListMyRequests(pb2.ListMyRequestsRequest(**wanted))
    return [it.subject for it in found.requests]


async def answer(
    house: House, request_id: str, who: Principal = SERVICE, text: str = "Mai có thợ đến"
) -> Any:
    request = staff_pb2.ReplyToRequestRequest(id=request_id, text=text)
    return await house.requests(who).ReplyToRequest(request)


async def close(house: House, request_id: str, who: Principal = SERVICE, etag: str = "") -> Any:
    request = staff_pb2.CloseRequestRequest(id=request_id, etag=etag)
    return await house.requests(who).CloseRequest(request)


async def got(house: House, request_id: str, who: Principal = SERVICE) -> Any:
    return await house.requests(who).GetRequest(staff_pb2.GetRequestRequest(id=request_id))


async def listed(house: House, who: Principal = SERVICE, **wanted: Any) -> list[str]:
    found = await house.requests(who).ListRequests(staff_pb2.ListRequestsRequest(**wanted))
    return [it.id for it in found.requests]


async def meet(house: House, contact: Any, minutes: float = 600, **more: Any) -> Any:
    given = {"type": MEETING, "title": "Xem căn hộ", "description": "khách khó tính", **more}
    return await house.plan(contact.id, start_time=later(minutes), **given)


async def ask_another_time(house: House, contact: Any, appointment_id: str) -> Any:
    request = pb2.AskForAnotherTimeRequest(id=appointment_id, text="Chiều thứ sáu?")
    return await house.portal(contact.id).AskForAnotherTime(request)
