"""Open leads by their next step: what is planned with each, and when somebody last met them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from crm.interactions.v1 import agenda_pb2, agenda_service_pb2
from crm.interactions.v1.agenda_service_pb2_grpc import AgendaServiceStub
from flask import Blueprint, request

from services.gateway.web import desk, lookups, telling

ORDERS: Mapping[str, "agenda_pb2.StandingOrder.ValueType"] = {
    "": agenda_pb2.STANDING_ORDER_NEXT_EARLIEST,
    "latest": agenda_pb2.STANDING_ORDER_NEXT_LATEST,
    "last": agenda_pb2.STANDING_ORDER_LAST_OLDEST,
}


def add(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/next-steps", endpoint="next_steps")(listing)


def listing() -> desk.View:
    """List open leads in an order, one's own unless others' are asked for; htmx asks for rows."""
    order, whose = request.args.get("order", ""), request.args.get("whose", "")
    found = desk.ask(AgendaServiceStub).ListStandings(_wanted(order, whose))
    now = datetime.now(UTC)
    return desk.page(
        "next_steps_rows.html" if desk.partial() else "next_steps.html",
        found=found,
        contacts=lookups.contacts([it.contact_id for it in found.standings]),
        users=lookups.users(),
        order=order if order in ORDERS else "",
        orders=list(ORDERS),
        whose=whose,
        first=not desk.page_token(),
        ago=lambda time: telling.ago(time, now),
        is_late=lambda it: _is_late(it, now),
    )


def _is_late(standing: agenda_pb2.Standing, now: datetime) -> bool:
    ended = standing.next_follow_up_end_time
    return standing.HasField("next_follow_up_end_time") and ended.ToDatetime(tzinfo=UTC) < now


def _wanted(order: str, whose: str) -> agenda_service_pb2.ListStandingsRequest:
    person = desk.me().user
    wanted = agenda_service_pb2.ListStandingsRequest(
        order=ORDERS.get(order, ORDERS[""]),
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
    )
    if whose == "team" and person.team_id:
        wanted.team_id = person.team_id
    elif whose != "all":
        wanted.user_id = person.id if whose in ("", "team") else whose
    return wanted
