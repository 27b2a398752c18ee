"""API clients: which programs call, what each may do, and its secrets, each shown once."""

from typing import Any

from crm.accounts.v1 import user_pb2
from crm.accounts.v1 import user_service_pb2 as pb2
from crm.accounts.v1.user_service_pb2_grpc import ApiClientServiceStub
from flask import Blueprint, flash, request, url_for
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from services.gateway.web import desk, formats, names, roles
from services.gateway.web.forms import Form

KNOWN = ["name", "expire_time", "requests_per_minute"]
LIFETIMES = {"day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400, "none": 0}
"""How many seconds the old secret may live on, as one chooses."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/api-clients/<uuid:client_id>"
    pages.get("/api-clients", endpoint="api_clients")(listing)
    pages.get("/api-clients/new", endpoint="new_api_client")(new)
    pages.post("/api-clients/new", endpoint="create_api_client")(create)
    pages.get(one, endpoint="api_client")(edit)
    pages.post(one, endpoint="update_api_client")(update)
    pages.post(f"{one}/rotate", endpoint="rotate_api_client")(rotate)
    pages.post(f"{one}/revoke", endpoint="revoke_api_client")(revoke)


def listing() -> desk.View:
    """Show the clients by name."""
    form = Form.filled({name: request.args.get(name, "") for name in ("query", "state")})
    asked = pb2.ListApiClientsRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        query=form.get("query"),
        state=user_pb2.ApiClientState.ValueType(
            names.value(user_pb2.ApiClientState, form.get("state"))
        ),
    )
    found = form.attempt(
        lambda: desk.ask(ApiClientServiceStub).ListApiClients(asked), known=["query"]
    )
    return desk.page("api_clients.html", form=form, found=found), form.status


def new() -> desk.View:
    """Show the empty form."""
    return _page(Form())


def create() -> desk.View:
    """Add a client and show its secret, or show what is refused."""
    form = Form.sent()
    client = _client(form)
    if form.bad:
        return _page(form)
    asked = pb2.CreateApiClientRequest(api_client=client)
    made = form.attempt(
        lambda: desk.ask(ApiClientServiceStub).CreateApiClient(asked),
        prefix="api_client.",
        known=KNOWN,
    )
    return _page(form) if made is None else _secret_page(made)


def edit(client_id: object) -> desk.View:
    """Show a client."""
    stored = _get(client_id)
    return _page(_filled(stored), stored)


def update(client_id: object) -> desk.View:
    """Store what was changed, or show what is refused."""
    form = Form.sent()
    client = _client(form)
    client.id, client.etag = str(client_id), form.get("etag")
    mask = FieldMask(paths=[*KNOWN, "rights"])
    asked = pb2.UpdateApiClientRequest(api_client=client, update_mask=mask)
    if not form.bad:
        form.attempt(
            lambda: desk.ask(ApiClientServiceStub).UpdateApiClient(asked),
            prefix="api_client.",
            known=KNOWN,
        )
    return _page(form, _get(client_id)) if form.bad else _said("api_clients.changed")


def rotate(client_id: object) -> desk.View:
    """Give a client another secret and show it."""
    form = Form.sent(prefix="r-")
    asked = pb2.RotateApiClientSecretRequest(
        id=str(client_id),
        etag=form.get("etag"),
        old_secret_lifetime=Duration(seconds=LIFETIMES.get(form.get("lifetime"), 86_400)),
    )
    made = form.attempt(lambda: desk.ask(ApiClientServiceStub).RotateApiClientSecret(asked))
    if made is not None:
        return _secret_page(made)
    stored = _get(client_id)
    return _page(_filled(stored), stored, rotation=form)


def revoke(client_id: object) -> desk.View:
    """End a client's use, for good."""
    asked = pb2.RevokeApiClientRequest(id=str(client_id))
    desk.ask(ApiClientServiceStub).RevokeApiClient(asked)
    return _said("api_clients.revoked")


def _client(form: Form) -> user_pb2.ApiClient:
    """Return what was typed, and note in the form what is no time or number."""
    client = user_pb2.ApiClient(name=form.get("name"), rights=roles.chosen(form))
    try:
        ends = formats.from_field(form.get("expire_time"), desk.time_zone())
        if ends is not None:
            client.expire_time.FromDatetime(ends)
    except (ValueError, OverflowError):
        form.refuse("expire_time", desk.t("api_clients.no_time"))
    try:
        client.requests_per_minute = int(form.get("requests_per_minute") or 0)
    except ValueError:
        form.refuse("requests_per_minute", desk.t("api_clients.no_number"))
    return client


def _filled(stored: user_pb2.ApiClient) -> Form:
    ends = formats.field_moment(stored.expire_time, desk.time_zone())
    limit = str(stored.requests_per_minute or "")
    values = {"name": stored.name, "etag": stored.etag, "expire_time": ends}
    return Form.filled({**roles.inputs(stored.rights), **values, "requests_per_minute": limit})


def _get(client_id: object) -> user_pb2.ApiClient:
    asked = pb2.GetApiClientRequest(id=str(client_id))
    return desk.ask(ApiClientServiceStub).GetApiClient(asked)


def _page(
    form: Form, stored: user_pb2.ApiClient | None = None, *, rotation: Form | None = None
) -> desk.View:
    more: dict[str, Any] = {
        **roles.table(),
        "lifetimes": [(it, desk.t(f"api_clients.lives_{it}")) for it in LIFETIMES],
        "stale": form.reason == "ETAG_STALE",
    }
    rotating = rotation or Form(prefix="r-")
    body = desk.page("api_client_form.html", form=form, stored=stored, rotation=rotating, **more)
    return body, max(form.status, rotating.status)


def _secret_page(made: user_pb2.ApiClient) -> desk.View:
    return desk.page("api_client_secret.html", made=made)


def _said(text: str) -> desk.View:
    flash(desk.t(text))
    return desk.to(url_for("web.api_clients"))
