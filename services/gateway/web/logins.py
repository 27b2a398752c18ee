"""Customers who may sign in to the portal: the list, adding, inviting, disabling."""

from collections.abc import Callable

from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from crm.accounts.v1.contact_login_service_pb2_grpc import ContactLoginServiceStub
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import contact_fields, contacts, desk, login_ways, lookups, names
from services.gateway.web.forms import Form

CHANNEL = "channel"
BASE = "/logins/<uuid:login_id>"


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/logins", endpoint="logins")(listing)
    pages.get("/logins/new", endpoint="new_login")(new)
    pages.post("/logins/new", endpoint="create_login")(create)
    pages.get(BASE, endpoint="login")(detail)
    pages.post(f"{BASE}/invite", endpoint="invite_login")(invite)
    pages.post(f"{BASE}/disable", endpoint="disable_login")(disable)
    pages.post(f"{BASE}/enable", endpoint="enable_login")(enable)
    pages.post(f"{BASE}/delete", endpoint="delete_login")(delete)
    pages.post("/contacts/<uuid:contact_id>/login", endpoint="add_login")(add_to_contact)


def listing() -> desk.View:
    """List the logins that the filters leave; htmx asks for the rows alone."""
    filters = {name: request.args.get(name, "") for name in ("q", "state")}
    state = names.value(contact_login_pb2.ContactLoginState, filters["state"])
    asked = pb2.ListContactLoginsRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        query=filters["q"].strip()[:200],
        states=[contact_login_pb2.ContactLoginState.ValueType(state)] if state else [],
    )
    return desk.page(
        "logins_rows.html" if desk.partial() else "logins.html",
        found=desk.ask(ContactLoginServiceStub).ListContactLogins(asked),
        filters=filters,
        filtered=any(filters.values()),
        first=not desk.page_token(),
    )


def new() -> desk.View:
    """Show the few fields of a customer who shall sign in."""
    return desk.page("login_form.html", form=Form())


def create() -> desk.View:
    """Store a customer and the login in one act, or show what is refused of either."""
    form = contact_fields.compacted(Form.sent())
    contact = contact_fields.read(form, None)
    contact.kind = contact_pb2.CONTACT_KIND_CUSTOMER
    contact.owner_ids.append(desk.me().user.id)
    made = None if form.bad else create_with(form, contact)
    if made is None:
        return desk.page("login_form.html", form=form), form.status
    flash(desk.t("logins.on_its_way"))
    return desk.to(url_for("web.contact", contact_id=made.id))


def create_with(form: Form, contact: contact_pb2.Contact) -> contact_pb2.Contact | None:
    """Store a contact with a login by the channel that was chosen, or note what is refused."""
    by = names.value(contact_pb2.Channel, form.get(CHANNEL))
    asked = contact_service_pb2.CreateContactWithLoginRequest(
        contact=contact,
        channel=contact_pb2.Channel.ValueType(by),
        request_id=form.request_id,
    )
    return form.attempt(
        lambda: desk.ask(ContactServiceStub).CreateContactWithLogin(asked),
        prefix="contact.",
        known=[*contact_fields.inputs(form), CHANNEL],
    )


def detail(login_id: object) -> desk.View:
    """Show one login."""
    return _page(str(login_id))


def add_to_contact(contact_id: object) -> desk.View:
    """Let a contact sign in."""
    form = Form.sent(prefix="login-")
    asked = pb2.CreateContactLoginRequest(
        contact_id=str(contact_id), channel=_chosen(form), request_id=form.request_id
    )
    stub = desk.ask(ContactLoginServiceStub)
    form.attempt(lambda: stub.CreateContactLogin(asked), known=[CHANNEL])
    if form.bad:
        return contacts.show(str(contact_id), status=form.status, login_form=form)
    flash(desk.t("logins.invited_said"))
    return desk.to(url_for("web.contact", contact_id=str(contact_id)))


def invite(login_id: object) -> desk.View:
    """Send another invitation."""
    form = Form.sent(prefix="login-")
    its_id, etag = str(login_id), form.get("etag")
    asked = pb2.InviteContactRequest(id=its_id, channel=_chosen(form), etag=etag)
    stub = desk.ask(ContactLoginServiceStub)
    return _done(its_id, form, lambda: stub.InviteContact(asked), "logins.invited_said")


def disable(login_id: object) -> desk.View:
    """Let a customer sign in no more."""
    form = Form.sent(prefix="login-")
    its_id = str(login_id)
    asked = pb2.DisableContactLoginRequest(id=its_id, etag=form.get("etag"))
    stub = desk.ask(ContactLoginServiceStub)
    return _done(its_id, form, lambda: stub.DisableContactLogin(asked), "logins.disabled_said")


def enable(login_id: object) -> desk.View:
    """Let a customer sign in again."""
    form = Form.sent(prefix="login-")
    its_id = str(login_id)
    asked = pb2.EnableContactLoginRequest(id=its_id, etag=form.get("etag"))
    stub = desk.ask(ContactLoginServiceStub)
    return _done(its_id, form, lambda: stub.EnableContactLogin(asked), "logins.enabled_said")


def delete(login_id: object) -> desk.View:
    """Forget a login."""
    form = Form.sent(prefix="login-")
    asked = pb2.DeleteContactLoginRequest(id=str(login_id), etag=form.get("etag"))
    stub = desk.ask(ContactLoginServiceStub)
    form.attempt(lambda: stub.DeleteContactLogin(asked))
    if form.bad:
        return _page(str(login_id), form)
    flash(desk.t("logins.deleted_said"))
    return desk.to(url_for("web.logins"))


def _chosen(form: Form) -> "contact_login_pb2.LoginChannel.ValueType":
    by = names.value(contact_login_pb2.LoginChannel, form.get(CHANNEL))
    return contact_login_pb2.LoginChannel.ValueType(by)


def _done(
    login_id: str, form: Form, call: Callable[[], contact_login_pb2.ContactLogin], said: str
) -> desk.View:
    """Make a call and go back to where the button was, or show why it was refused."""
    form.attempt(call, known=[CHANNEL])
    if form.bad:
        return _page(login_id, form)
    flash(desk.t(said))
    return desk.to(desk.way_back(form.get("next") or url_for("web.login", login_id=login_id)))


def _page(login_id: str, form: Form | None = None) -> desk.View:
    asked = pb2.GetContactLoginRequest(id=login_id)
    login = desk.ask(ContactLoginServiceStub).GetContactLogin(asked)
    form = form or Form(prefix="login-")
    contact = lookups.contacts([login.contact_id]).get(login.contact_id)
    ways = login_ways.ways(login, contact)
    return desk.page("login.html", login=login, login_form=form, ways=ways), form.status
