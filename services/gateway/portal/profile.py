"""The customer's profile: who they are, and what of it they change by themselves."""

import zoneinfo
from functools import cache
from typing import Any

from crm.leads.v1 import contact_pb2, portal_pb2, portal_service_pb2
from crm.leads.v1.portal_service_pb2_grpc import PortalServiceStub
from flask import Blueprint, flash
from google.protobuf.field_mask_pb2 import FieldMask

from services.gateway.portal import desk
from services.gateway.web import words
from services.gateway.web.forms import Form

LINES = ("salutation", "family_name", "given_name", "display_name", "time_zone")
PLACES = ("street", "ward", "province", "postal_code", "country_code")
BIRTHDAY = ("day", "month", "year")
INPUTS = (*LINES, "birthday", "locale", *(f"address.{it}" for it in PLACES))
CHANGED = (*LINES, "birthday", "address", "locale")


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/profile", endpoint="profile")(show)
    pages.post("/profile", endpoint="change_profile")(change)


def show() -> desk.View:
    """Show the profile in its form."""
    mine = _mine()
    return desk.page("profile.html", mine=mine, form=_filled(mine), zones=_zones())


def change() -> desk.View:
    """Store what was typed, or show why not.

    What stayed as it was is left out: a full name that is made of the names follows them.
    """
    form, mine = Form.sent(), _mine()
    wanted = _typed(form)
    changed = _differing(wanted, mine)
    if changed and not form.bad:
        asked = portal_service_pb2.UpdateMyProfileRequest(
            profile=wanted, update_mask=FieldMask(paths=changed), request_id=form.request_id
        )
        stub = desk.ask(PortalServiceStub)
        form.attempt(lambda: stub.UpdateMyProfile(asked), prefix="profile.", known=INPUTS)
    if form.bad:
        return desk.page("profile.html", mine=mine, form=form, zones=_zones()), form.status
    flash(desk.t("profile.stored"))
    return desk.to("profile")


def _mine() -> portal_pb2.MyProfile:
    return desk.ask(PortalServiceStub).GetMyProfile(portal_service_pb2.GetMyProfileRequest())


def _typed(form: Form) -> portal_pb2.MyProfile:
    lines: dict[str, Any] = {name: form.get(name) for name in LINES}
    wanted = portal_pb2.MyProfile(
        **lines,
        etag=form.get("etag"),
        locale=form.get("locale"),
        address=contact_pb2.Address(**{it: form.get(f"address.{it}") for it in PLACES}),
    )
    given = {it: form.get(it) for it in BIRTHDAY}
    if any(given.values()):
        if all(it.isascii() and it.isdecimal() and len(it) < 5 for it in given.values() if it):
            numbers = {it: int(typed or 0) for it, typed in given.items()}
            wanted.birthday.CopyFrom(contact_pb2.PartialDate(**numbers))
        else:
            form.refuse("birthday", words.complaint(desk.language(), "is no date"))
    return wanted


def _differing(wanted: portal_pb2.MyProfile, mine: portal_pb2.MyProfile) -> list[str]:
    shown = portal_pb2.MyProfile()
    shown.CopyFrom(mine)
    shown.locale = _language(mine)
    return [it for it in CHANGED if getattr(wanted, it) != getattr(shown, it)]


def _language(mine: portal_pb2.MyProfile) -> str:
    return mine.locale.partition("-")[0] or "vi"


def _filled(mine: portal_pb2.MyProfile) -> Form:
    born = mine.birthday
    return Form.filled(
        {
            **{name: getattr(mine, name) for name in LINES},
            **{f"address.{it}": getattr(mine.address, it) for it in PLACES},
            **{it: str(getattr(born, it) or "") for it in BIRTHDAY},
            "locale": _language(mine),
            "etag": mine.etag,
        }
    )


@cache
def _zones() -> list[str]:
    return sorted(it for it in zoneinfo.available_timezones() if "/" in it and "Etc" not in it)
