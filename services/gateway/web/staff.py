"""Staff and their teams: who they are, what role they have, and shutting somebody out."""

from collections.abc import Mapping

from crm.accounts.v1 import session_service_pb2, user_pb2, user_service_pb2
from crm.accounts.v1.session_service_pb2_grpc import SessionServiceStub
from crm.accounts.v1.user_service_pb2_grpc import UserServiceStub
from flask import Blueprint, flash, request, url_for
from google.protobuf.field_mask_pb2 import FieldMask

from services.gateway.web import desk, lookups
from services.gateway.web.forms import Form

KNOWN = ["email", "display_name", "role_id", "team_id", "locale", "time_zone"]
ZONES = ("Asia/Ho_Chi_Minh", "Asia/Bangkok", "Asia/Singapore", "Asia/Tokyo", "Europe/Paris")


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/staff/<uuid:user_id>"
    pages.get("/staff", endpoint="staff")(listing)
    pages.get("/staff/new", endpoint="new_user")(new)
    pages.post("/staff/new", endpoint="create_user")(create)
    pages.get(one, endpoint="user")(edit)
    pages.post(one, endpoint="update_user")(update)
    pages.post(f"{one}/deactivate", endpoint="deactivate_user")(deactivate)
    pages.post(f"{one}/password", endpoint="set_user_password")(set_password)
    pages.post("/teams", endpoint="create_team")(create_team)
    pages.post("/teams/<uuid:team_id>", endpoint="rename_team")(rename_team)


def listing() -> desk.View:
    """Show colleagues by name, and the teams."""
    return _listing(Form())


def create_team() -> desk.View:
    """Add a team, or show why not."""
    form = Form.sent()
    asked = user_service_pb2.CreateTeamRequest(
        team=user_pb2.Team(name=form.get("name")), request_id=form.request_id
    )
    stub = desk.ask(UserServiceStub)
    form.attempt(lambda: stub.CreateTeam(asked), prefix="team.", known=["name"])
    return _listing(form) if form.bad else _said("staff.team_added")


def rename_team(team_id: object) -> desk.View:
    """Give a team another name, or show why not."""
    form = Form.sent(prefix=f"t-{team_id}-")
    team = user_pb2.Team(id=str(team_id), etag=form.get("etag"), name=form.get("name"))
    asked = user_service_pb2.UpdateTeamRequest(team=team, update_mask=FieldMask(paths=["name"]))
    stub = desk.ask(UserServiceStub)
    form.attempt(lambda: stub.UpdateTeam(asked), prefix="team.", known=["name"])
    return _listing(Form(), {team.id: form}) if form.bad else _said("staff.team_changed")


def new() -> desk.View:
    """Show the empty form."""
    return _page(Form.filled({"locale": desk.language(), "time_zone": desk.time_zone()}))


def create() -> desk.View:
    """Add a colleague with a first password, or show what is refused."""
    form = Form.sent()
    asked = user_service_pb2.CreateUserRequest(
        user=_user(form), password=form.values.get("password", ""), request_id=form.request_id
    )
    stub = desk.ask(UserServiceStub)
    form.attempt(lambda: stub.CreateUser(asked), prefix="user.", known=[*KNOWN, "password"])
    return _page(form) if form.bad else _said("staff.added")


def edit(user_id: object) -> desk.View:
    """Show a colleague."""
    stored = _get(user_id)
    values = {name: str(getattr(stored, name)) for name in KNOWN}
    return _page(Form.filled({**values, "etag": stored.etag}), stored)


def update(user_id: object) -> desk.View:
    """Store what was changed, or show what is refused."""
    form = Form.sent()
    user = _user(form)
    user.id, user.etag = str(user_id), form.get("etag")
    asked = user_service_pb2.UpdateUserRequest(user=user, update_mask=FieldMask(paths=KNOWN))
    stub = desk.ask(UserServiceStub)
    form.attempt(lambda: stub.UpdateUser(asked), prefix="user.", known=KNOWN)
    return _page(form, _get(user_id)) if form.bad else _said("staff.changed")


def deactivate(user_id: object) -> desk.View:
    """Shut a colleague out, and go on to who takes over what they leave."""
    form = Form.sent()
    asked = user_service_pb2.DeactivateUserRequest(id=str(user_id))
    stub = desk.ask(UserServiceStub)
    form.attempt(lambda: stub.DeactivateUser(asked))
    if form.bad:
        return _page(_shown(user_id, form), _get(user_id))
    flash(desk.t("staff.deactivated"))
    if desk.me().may("follow_ups", "write"):
        return desk.to(url_for("web.ask_reassign", user_id=str(user_id)))
    return desk.to(url_for("web.staff"))


def set_password(user_id: object) -> desk.View:
    """Give a colleague another password; their sessions end."""
    form = Form.sent(prefix="p-")
    asked = user_service_pb2.SetPasswordRequest(
        id=str(user_id), new_password=form.values.get("new_password", "")
    )
    stub = desk.ask(UserServiceStub)
    form.attempt(lambda: stub.SetPassword(asked), known=["new_password"])
    if form.bad:
        stored = _get(user_id)
        return _page(_shown(user_id), stored, password_form=form)
    flash(desk.t("staff.password_set"))
    return desk.to(url_for("web.user", user_id=str(user_id)))


def _user(form: Form) -> user_pb2.User:
    user = user_pb2.User()
    for name in KNOWN:
        setattr(user, name, form.get(name))
    return user


def _get(user_id: object) -> user_pb2.User:
    return desk.ask(UserServiceStub).GetUser(user_service_pb2.GetUserRequest(id=str(user_id)))


def _shown(user_id: object, refused: Form | None = None) -> Form:
    """Return the form of a colleague as stored, with what was refused above it."""
    stored = _get(user_id)
    values = {name: str(getattr(stored, name)) for name in KNOWN}
    form = Form.filled({**values, "etag": stored.etag})
    if refused is not None:
        form.general, form.status = refused.general, refused.status
    return form


def _listing(team_form: Form, renamed: Mapping[str, Form] | None = None) -> desk.View:
    everybody = bool(request.args.get("all"))
    asked = user_service_pb2.ListUsersRequest(
        page_size=desk.PAGE_SIZE, page_token=desk.page_token(), include_inactive=everybody
    )
    body = desk.page(
        "staff.html",
        found=desk.ask(UserServiceStub).ListUsers(asked),
        everybody=everybody,
        roles=lookups.role_names(),
        teams=lookups.teams(),
        team_names={it.id: it.name for it in lookups.teams()},
        team_form=team_form,
        team_forms={it.id: (renamed or {}).get(it.id) or _team_form(it) for it in lookups.teams()},
    )
    refused = [it.status for it in (renamed or {}).values()]
    return body, max([team_form.status, *refused])


def _team_form(team: user_pb2.Team) -> Form:
    form = Form.filled({"name": team.name, "etag": team.etag})
    form.prefix = f"t-{team.id}-"
    return form


def _page(
    form: Form, stored: user_pb2.User | None = None, *, password_form: Form | None = None
) -> desk.View:
    sessions = None
    if stored is not None:
        asked = session_service_pb2.ListSessionsRequest(user_id=stored.id, page_size=100)
        sessions = desk.ask(SessionServiceStub).ListSessions(asked).sessions
    zones = dict.fromkeys((*ZONES, *filter(None, [form.values.get("time_zone", "")])))
    body = desk.page(
        "user_form.html",
        form=form,
        stored=stored,
        sessions=sessions,
        password_form=password_form or Form(prefix="p-"),
        roles=list(lookups.role_names().items()),
        teams=lookups.teams(),
        zones=[(it, it) for it in zones],
        stale=form.reason == "ETAG_STALE",
    )
    return body, (password_form or form).status


def _said(text: str) -> desk.View:
    flash(desk.t(text))
    return desk.to(url_for("web.staff"))
