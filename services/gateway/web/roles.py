"""Roles: which they are, and what each lets people do and hides from them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from crm.accounts.v1 import user_pb2, user_service_pb2
from crm.accounts.v1.user_service_pb2_grpc import UserServiceStub
from flask import Blueprint, abort, flash, make_response, request, url_for
from google.protobuf import descriptor_pool
from google.protobuf.field_mask_pb2 import FieldMask

from services import rights
from services.gateway.stubs import STUBS
from services.gateway.web import desk, lookups
from services.gateway.web.forms import Form

OWNED = ("contacts", "follow_ups", "notes", "proposals", "requests", "campaigns")
"""What has owners and teams; of the rest there is all or nothing."""

ORDER = (
    *OWNED,
    *("segments", "templates", "imports", "sources", "messages", "doubts", "support"),
    *("suppressions", "senders", "inbound_mails", "logins", "users", "api_clients", "audit"),
)
ACTIONS = ("read", "write", "delete", "export", "start", "erase")
IRREVERSIBLE = ("erase",)
"""What wildcards do not give, but that of everything to everything."""

HIDEABLE = ("phones", "emails", "birthday", "address", "description")
LEVELS = {
    "own": user_pb2.LEVEL_OWN,
    "team": user_pb2.LEVEL_TEAM,
    "all": user_pb2.LEVEL_ALL,
}
_NAMES = {level: name for name, level in LEVELS.items()}

Granted = Mapping[tuple[str, str], str]


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/roles", endpoint="roles")(listing)
    pages.get("/roles/new", endpoint="new_role")(new)
    pages.post("/roles/new", endpoint="create_role")(create)
    pages.get("/roles/<uuid:role_id>", endpoint="role")(edit)
    pages.post("/roles/<uuid:role_id>", endpoint="update_role")(update)
    pages.post("/view-as", endpoint="view_as")(view_as)


def listing() -> desk.View:
    """Show the roles, those of the organisation's own and those that come with the system."""
    return desk.page("roles.html", roles=lookups.roles())


def new() -> desk.View:
    """Show a form with no rights, or with those of the role that is copied."""
    copied = _found(request.args.get("from", "")) if request.args.get("from") else None
    return _page(_filled(copied) if copied else Form())


def create() -> desk.View:
    """Store a role, or show what is refused."""
    form = Form.sent()
    asked = user_service_pb2.CreateRoleRequest(role=_role(form), request_id=form.request_id)
    stub = desk.ask(UserServiceStub)
    form.attempt(lambda: stub.CreateRole(asked), prefix="role.", known=["name"])
    return _page(form) if form.bad else _said("roles.added")


def edit(role_id: object) -> desk.View:
    """Show what a role lets people do."""
    stored = _found(str(role_id))
    form = _filled(stored)
    form.values["name"], form.values["etag"] = stored.name, stored.etag
    return _page(form, stored)


def update(role_id: object) -> desk.View:
    """Store what was changed, or show what is refused."""
    form = Form.sent()
    role = _role(form)
    role.id, role.etag = str(role_id), form.get("etag")
    asked = user_service_pb2.UpdateRoleRequest(
        role=role, update_mask=FieldMask(paths=["name", "rights", "hidden_fields"])
    )
    stub = desk.ask(UserServiceStub)
    form.attempt(lambda: stub.UpdateRole(asked), prefix="role.", known=["name"])
    return _page(form, role) if form.bad else _said("roles.changed")


def view_as() -> desk.View:
    """Look through a role from now on, or through one's own again."""
    sessions, role_id = desk.gateway().sessions, request.form.get("role_id", "")
    response = make_response(desk.to(url_for("web.home") if role_id else url_for("web.roles")))
    if role_id:
        sessions.remember_view(response, _found(role_id).id)
    else:
        sessions.dismiss_view(response)
    return response


@cache
def needed() -> Mapping[str, Sequence[str]]:
    """Return the actions of each resource that some method needs, in the order they are shown."""
    pairs = {
        (need.resource, need.action)
        for name in STUBS
        for method in descriptor_pool.Default().FindServiceByName(name).methods
        for rule in [rights.rule(f"/{name}/{method.name}")]
        for need in (*rule.needs, *rule.may_need)
    }
    return {it: [action for action in ACTIONS if (it, action) in pairs] for it in ORDER}


def granted(given: Iterable[user_pb2.Right]) -> Granted:
    """Return the level of each right that `given` come to, wildcards resolved."""
    said = {(it.resource, it.action): it.level for it in given}
    found: dict[tuple[str, str], str] = {}
    for resource, actions in needed().items():
        for action in actions:
            for pair in ((resource, action), (resource, "*"), ("*", action), ("*", "*")):
                if pair in said:
                    level = _NAMES.get(said[pair], "")
                    everything = pair == ("*", "*") and level == "all"
                    counts = pair[1] != "*" or action not in IRREVERSIBLE or everything
                    if level and counts and (resource in OWNED or level == "all"):
                        found[resource, action] = level
                    break
    return found


def _found(role_id: str) -> user_pb2.Role:
    return next((it for it in lookups.roles() if it.id == role_id), None) or abort(404)


def chosen(form: Form) -> Iterator[user_pb2.Right]:
    """Yield the rights that were chosen in a form, as `inputs` named them."""
    for resource, actions in needed().items():
        for action in actions:
            level = LEVELS.get(form.get(f"{resource}.{action}"))
            if level is not None:
                yield user_pb2.Right(resource=resource, action=action, level=level)


def inputs(given: Iterable[user_pb2.Right]) -> dict[str, str]:
    """Return what a form's inputs of rights show."""
    return {f"{resource}.{action}": level for (resource, action), level in granted(given).items()}


def table() -> dict[str, Any]:
    """Return what the part `rights.html` of a page needs."""
    return {"needed": needed(), "owned": OWNED, "actions": ACTIONS}


def _filled(role: user_pb2.Role) -> Form:
    hidden = [it.removeprefix("contacts.") for it in role.hidden_fields]
    return Form.filled({**inputs(role.rights), "hidden": hidden})


def _role(form: Form) -> user_pb2.Role:
    role = user_pb2.Role(name=form.get("name"), rights=chosen(form))
    role.hidden_fields.extend(f"contacts.{it}" for it in form.all("hidden"))
    return role


def _page(form: Form, stored: user_pb2.Role | None = None) -> desk.View:
    more: dict[str, Any] = {
        **table(),
        "hideable": [(it, desk.t(f"hidden.{it}")) for it in HIDEABLE],
        "stale": form.reason == "ETAG_STALE",
    }
    return desk.page("role_form.html", form=form, stored=stored, **more), form.status


def _said(text: str) -> desk.View:
    flash(desk.t(text))
    return desk.to(url_for("web.roles"))
