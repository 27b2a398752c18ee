"""What protects one's account: the password, the second factor and who one is elsewhere."""

from collections.abc import Sequence

import segno
from crm.accounts.v1 import oidc_service_pb2, second_factor_pb2, user_service_pb2
from crm.accounts.v1 import second_factor_service_pb2 as pb2
from crm.accounts.v1.oidc_service_pb2_grpc import OidcServiceStub
from crm.accounts.v1.second_factor_service_pb2_grpc import SecondFactorServiceStub
from crm.accounts.v1.user_service_pb2_grpc import UserServiceStub
from flask import Blueprint, flash, url_for
from markupsafe import Markup

from chassis import errors
from services.gateway.web import desk
from services.gateway.web.forms import Form

_LONGEST = 500


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/account/security", endpoint="security")(show)
    pages.post("/account/security/password", endpoint="change_password")(change_password)
    pages.post("/account/security/enroll", endpoint="enroll_factor")(enroll)
    pages.post("/account/security/confirm", endpoint="confirm_factor")(confirm)
    pages.post("/account/security/remove", endpoint="remove_factor")(remove)
    pages.post("/account/security/codes", endpoint="replace_codes")(replace_codes)
    pages.post("/account/security/unlink", endpoint="unlink_oidc")(unlink)


def show() -> desk.View:
    """Show whether there is a second factor, and what can be done."""
    return _page()


def change_password() -> desk.View:
    """Set another password."""
    form = Form.sent(prefix="password-")
    old, new = (form.values.get(name, "") for name in ("old_password", "new_password"))
    if new != form.values.get("repeat", ""):
        form.refuse("repeat", desk.t("password.differs"))
        return _page(password=form)
    asked = user_service_pb2.SetPasswordRequest(id="me", old_password=old, new_password=new)
    try:
        form.attempt(lambda: desk.ask(UserServiceStub).SetPassword(asked), known=["new_password"])
    except errors.Unauthenticated as refused:
        if refused.reason != "SIGN_IN_REFUSED":
            raise
        form.refuse("old_password", desk.t("security.password_wrong"))
    if form.bad:
        return _page(password=form)
    flash(desk.t("security.password_changed"))
    return desk.to(url_for("web.security"))


def enroll() -> desk.View:
    """Begin with a second factor: show what an authenticator needs, once."""
    form = Form.sent(prefix="enroll-")
    asked = pb2.EnrollSecondFactorRequest(password=form.values.get("password", ""))
    begun = form.attempt(
        lambda: desk.ask(SecondFactorServiceStub).EnrollSecondFactor(asked), known=["password"]
    )
    if begun is None:
        return _page(enroll=form)
    return _secret_page(Form.filled({"secret": begun.secret, "uri": begun.uri}))


def confirm() -> desk.View:
    """End what was begun with a code, and show the recovery codes, once."""
    form = Form.sent()
    asked = pb2.ConfirmSecondFactorRequest(code=form.get("code"))
    made = form.attempt(
        lambda: desk.ask(SecondFactorServiceStub).ConfirmSecondFactor(asked), known=["code"]
    )
    if made is None:
        return _secret_page(form)
    return _codes_page(made.codes)


def remove() -> desk.View:
    """Go on without a second factor."""
    form = Form.sent(prefix="remove-")
    asked = pb2.RemoveSecondFactorRequest(
        password=form.values.get("password", ""), code=form.get("code")
    )
    form.attempt(
        lambda: desk.ask(SecondFactorServiceStub).RemoveSecondFactor(asked),
        known=["password", "code"],
    )
    if form.bad:
        return _page(remove=form)
    flash(desk.t("security.removed"))
    return desk.to(url_for("web.security"))


def replace_codes() -> desk.View:
    """Make new recovery codes and show them, once."""
    form = Form.sent(prefix="codes-")
    asked = pb2.ReplaceRecoveryCodesRequest(
        password=form.values.get("password", ""), code=form.get("code")
    )
    made = form.attempt(
        lambda: desk.ask(SecondFactorServiceStub).ReplaceRecoveryCodes(asked),
        known=["password", "code"],
    )
    if made is None:
        return _page(codes=form)
    return _codes_page(made.codes)


def unlink() -> desk.View:
    """Forget who one is at the OpenID provider."""
    form = Form.sent(prefix="unlink-")
    asked = oidc_service_pb2.UnlinkOwnOidcIdentityRequest(password=form.values.get("password", ""))
    form.attempt(lambda: desk.ask(OidcServiceStub).UnlinkOwnOidcIdentity(asked), known=["password"])
    if form.reason == "STATE_FORBIDS":
        form.general = [desk.t("security.oidc_only")]
    if form.bad:
        return _page(unlink=form)
    flash(desk.t("security.oidc_unlinked"))
    return desk.to(url_for("web.security"))


def _page(**forms: Form) -> desk.View:
    asked = pb2.GetSecondFactorRequest(id="me")
    factor: second_factor_pb2.SecondFactor
    factor = desk.ask(SecondFactorServiceStub).GetSecondFactor(asked)
    names = ("password", "enroll", "remove", "codes", "unlink")
    shown = {name: forms.get(name) or Form(prefix=f"{name}-") for name in names}
    status = max(form.status for form in shown.values())
    provider, identity = desk.gateway().oidc.label(), None
    if provider:
        me = oidc_service_pb2.GetOidcIdentityRequest(id="me")
        identity = desk.ask(OidcServiceStub).GetOidcIdentity(me)
    view = {"factor": factor, "forms": shown, "provider": provider, "identity": identity}
    return desk.page("security.html", **view), status


def _secret_page(form: Form) -> desk.View:
    """Show the secret; it comes back with a wrong code, as it is stored nowhere readable."""
    uri, secret = form.get("uri")[:_LONGEST], form.get("secret")[:_LONGEST]
    if not uri.startswith("otpauth://") or not secret:
        return desk.to(url_for("web.security"))
    grouped = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    body = desk.page(
        "security_secret.html", form=form, uri=uri, secret=secret, grouped=grouped, qr=_qr(uri)
    )
    return body, form.status


def _codes_page(codes: Sequence[str]) -> desk.View:
    return desk.page("security_codes.html", codes=codes)


def _qr(text: str) -> Markup:
    """Return a QR code as inline SVG without styles, which the pages' policy forbids."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(
        light="#fff", omitsize=True, svgclass="qr-code", lineclass=None
    )
    return Markup(drawn)  # noqa: S704 (made by segno, which draws the text and does not write it)
