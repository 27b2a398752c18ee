"""Choosing a password by a link that comes by e-mail, by somebody who is not signed in."""

from crm.accounts.v1 import password_service_pb2 as pb2
from crm.accounts.v1.password_service_pb2_grpc import PasswordServiceStub
from flask import Blueprint, flash, request, url_for

from chassis import errors
from services.gateway import visitors
from services.gateway.web import desk
from services.gateway.web.forms import Form
from services.gateway.web.sign_in import too_often


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/sign-in/forgot", endpoint="forgot")(show)
    pages.post("/sign-in/forgot", endpoint="ask_link")(ask)
    pages.get("/password/<token>", endpoint="password_link")(open_link)
    pages.post("/password/<token>", endpoint="choose_password")(choose)


def show() -> desk.View:
    """Ask for the address, or say that a mail is on its way if there is such an account."""
    return desk.page("forgot.html", form=Form(), sent="sent" in request.args)


def ask() -> desk.View:
    """Have a link mailed; what is said is the same whether or not the address is known."""
    desk.gateway().sessions.check_origin(request)
    form = Form.sent()
    asked = pb2.RequestPasswordResetRequest(email=form.get("email"), ip=visitors.ip())
    stub = desk.gateway().peers.own(PasswordServiceStub)

    def call() -> bool:
        try:
            stub.RequestPasswordReset(asked)
        except errors.ResourceExhausted as refused:
            form.general.append(too_often(refused))
            form.status = 429
        except errors.FailedPrecondition:
            form.general.append(desk.t("forgot.no_sender"))
            form.status = 409
        return not form.bad

    if form.attempt(call, known=["email"]):
        return desk.to(url_for("web.forgot", sent="1"))
    return desk.page("forgot.html", form=form, sent=False), form.status


def open_link(token: str) -> desk.View:
    """Show for whom the link is; changes nothing, since programs open links too."""
    return _page(token, Form())


def choose(token: str) -> desk.View:
    """Store the password that was chosen, and have the person sign in with it."""
    desk.gateway().sessions.check_origin(request)
    form = Form.sent()
    password = form.values.get("new_password", "")
    if password != form.values.get("repeat", ""):
        form.refuse("repeat", desk.t("password.differs"))
        return _page(token, form)
    asked = pb2.ResetPasswordRequest(token=token, new_password=password)
    stub = desk.gateway().peers.own(PasswordServiceStub)
    try:
        form.attempt(lambda: stub.ResetPassword(asked), known=["new_password"])
    except errors.NotFound:
        return _gone()
    if form.bad:
        return _page(token, form)
    flash(desk.t("password.chosen"))
    return desk.to(url_for("web.sign_in"))


def _page(token: str, form: Form) -> desk.View:
    asked = pb2.DescribePasswordLinkRequest(token=token)
    try:
        found = desk.gateway().peers.own(PasswordServiceStub).DescribePasswordLink(asked)
    except errors.NotFound:
        return _gone()
    return desk.page("password.html", form=form, found=found, token=token), form.status


def _gone() -> desk.View:
    return desk.page("password_gone.html"), 404
