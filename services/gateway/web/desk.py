"""What a page's code has at hand during a request: who asks, in which language, and the peers."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import grpc
from flask import Response, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from chassis import errors
from services.gateway import languages
from services.gateway.auth import SignedIn
from services.gateway.languages import Language
from services.gateway.web import formats, words

if TYPE_CHECKING:
    from services.gateway.app import Gateway

S = TypeVar("S")
T = TypeVar("T")

View = str | WerkzeugResponse | tuple[str, int]
REQUEST_ID_FIELD = "request_id"
PAGE_SIZE = 50


def gateway() -> "Gateway":
    """Return the parts of this application."""
    return cast("Gateway", current_app.extensions["gateway"])


def ask(stub_type: Callable[[grpc.Channel], S]) -> S:
    """Return a stub that calls with the token of who asks."""
    return gateway().peers.stub(stub_type)


def maybe(call: Callable[[], T], *, source: str) -> T | None:
    """Return what `call` gives, or None when the peer is away; the page then names `source`."""
    try:
        return call()
    except (errors.Unavailable, errors.DeadlineExceeded):
        _add_once("unanswered", source)
    except grpc.RpcError as failure:
        if failure.code() is not grpc.StatusCode.UNIMPLEMENTED:
            raise
        _add_once("unanswered", source)
    except errors.PermissionDenied:
        _add_once("forbidden", source)
    return None


def _add_once(name: str, source: str) -> None:
    held: list[str] = g.setdefault(name, [])
    if source not in held:
        held.append(source)


def who() -> SignedIn | None:
    """Return who is signed in, None on the pages before."""
    return cast("SignedIn | None", g.get("who"))


def me() -> SignedIn:
    """Return who is signed in; only for pages that ask for it."""
    found = who()
    if found is None:
        raise errors.Unauthenticated("TOKEN_INVALID", "sign in first")
    return found


def hides(field: str) -> bool:
    """Return whether the person's role hides a field, such as `contacts.phones`, from them."""
    person = who()
    return person is not None and field in person.hidden


def hidden_words() -> list[str]:
    """Return what the person's role hides from them, in their words."""
    person = who()
    names = sorted(person.hidden) if person is not None else []
    return [t(f"hidden.{it.removeprefix('contacts.')}") for it in names]


def language() -> Language:
    """Return the language of this page: asked for, kept, the person's own, or the browser's."""
    if "language" not in g:
        person = who()
        g.language = languages.of(request, person.user.locale if person else "")
    return cast(Language, g.language)


def time_zone() -> str:
    """Return the zone times are shown in."""
    person = who()
    return (person.user.time_zone if person else "") or formats.HOME_ZONE


def t(key: str, **values: Any) -> str:
    """Return a text in the language of this page."""
    return words.text(language(), key, **values)


def page(template: str, /, **values: Any) -> str:
    """Render a page."""
    return render_template(f"web/{template}", **values)


def to(endpoint_url: str) -> WerkzeugResponse:
    """Send the browser on; a part of a page that htmx asked for makes the whole page go."""
    if partial():
        return Response(status=204, headers={"HX-Redirect": endpoint_url})
    return redirect(endpoint_url, code=303)


def partial() -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true" and "HX-Boosted" not in request.headers


def fresh_id() -> str:
    """Return what makes the form it is in act once however often it is sent."""
    return str(uuid.uuid4())


def request_id() -> str:
    """Return the id that came with the form, a new one without."""
    given = request.form.get(REQUEST_ID_FIELD, "")
    try:
        return str(uuid.UUID(given))
    except ValueError:
        return fresh_id()


def page_token() -> str:
    """Return where the list goes on."""
    return request.args.get("page", "")


def in_page() -> bool:
    """Whether a page of the web interface is being made, and not one of the other parts."""
    return g.get("web", False) or (request.endpoint or "").startswith("web.")


def way_back(path: str) -> str:
    """Return where to go: a page of ours, and nowhere else; the home page otherwise."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ours else "/"
