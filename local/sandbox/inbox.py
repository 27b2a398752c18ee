"""The inbox: a page and JSON of what the sandbox peers received."""

import email.policy
import json
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, cast

import nh3
from aiohttp import web

from local import ports
from local.sandbox import behaviour
from local.sandbox.mail import MailServer
from local.sandbox.store import Channel, Row, Store

PAGE = Path(__file__).with_name("inbox.html")
STORE = web.AppKey("store", Store)
MAIL = web.AppKey("mail", MailServer)
MAX_LIMIT = 200
# A mail is somebody else's HTML: it may style itself and show pictures it carries, no more.
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
)

routes = web.RouteTableDef()


class Inbox:
    """Serves one store on one loopback port until it is closed; tells `mail` how to behave."""

    def __init__(self, store: Store, mail: MailServer, port: int) -> None:
        app = web.Application()
        app[STORE], app[MAIL] = store, mail
        app.add_routes(routes)
        self._runner = web.AppRunner(app, access_log=None)
        self._port = port

    async def start(self) -> None:
        """Start to listen. Raises OSError when the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, ports.LOOPBACK, self._port).start()

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()


@routes.get("/")
async def page(request: web.Request) -> web.Response:
    """The page itself; it asks the JSON below."""
    headers = {"Content-Security-Policy": PAGE_POLICY, "X-Content-Type-Options": "nosniff"}
    return web.Response(text=PAGE.read_text(), content_type="text/html", headers=headers)


@routes.get("/livez")
async def livez(request: web.Request) -> web.Response:
    """Say that all three servers listen: this one starts last."""
    return web.Response(text="ok\n")


@routes.get("/api/counts")
async def counts(request: web.Request) -> web.Response:
    """{mails, sms, email_ids, sms_ids, max_copies, receipts}; sms counts segments."""
    return web.json_response(await request.app[STORE].counts())


@routes.get("/api/ids")
async def ids(request: web.Request) -> web.StreamResponse:
    """Stream one line of JSON per message id after `after`: {message_id, copies, answers, …}."""
    channel = request.query.get("channel", "")
    if channel not in ("email", "sms"):
        raise web.HTTPBadRequest(text="channel must be email or sms\n")
    after = request.query.get("after", "")
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    async for rows in request.app[STORE].ids(cast(Channel, channel), after):
        await response.write("".join(f"{json.dumps(row)}\n" for row in rows).encode())
    await response.write_eof()
    return response


@routes.get("/api/messages")
async def messages(request: web.Request) -> web.Response:
    """{items, next}: newest first, `q` in address, subject, text or id; `before` is `next`."""
    limit = _number(request, "limit", 50, MAX_LIMIT)
    items = await request.app[STORE].messages(
        channel=request.query.get("channel", ""),
        search=request.query.get("q", "")[:200],
        before=_number(request, "before", 0),
        limit=limit,
    )
    return _paged(items, limit)


@routes.put("/api/mail/behaviour")
async def behave(request: web.Request) -> web.Response:
    """Let the mail server behave as the JSON says (`behaviour.Behaviour`); {} is well again."""
    try:
        how = behaviour.read(await request.json())
    except (ValueError, TypeError) as wrong:
        raise web.HTTPBadRequest(text=f"{wrong}\n") from None
    request.app[MAIL].behave(how)
    return web.Response(status=204)


@routes.get("/api/receipts")
async def receipts(request: web.Request) -> web.Response:
    """{items, next}: the receipts that were acknowledged, newest first."""
    limit = _number(request, "limit", 50, MAX_LIMIT)
    items = await request.app[STORE].receipts(before=_number(request, "before", 0), limit=limit)
    return _paged(items, limit)


@routes.get("/api/messages/{seq:[0-9]{1,15}}")
async def message(request: web.Request) -> web.Response:
    """One message; of a mail also its headers, its text and whether it has HTML."""
    row = await _row(request)
    raw = row.pop("raw")
    if row["channel"] == "email":
        mail = _parsed(raw)
        row["headers"] = [[name, str(value)] for name, value in mail.items()]
        row["text"] = _body(mail, "plain")
        row["has_html"] = _body(mail, "html") != ""
    return web.json_response(row)


@routes.get("/api/messages/{seq:[0-9]{1,15}}/html")
async def html(request: web.Request) -> web.Response:
    """The HTML of a mail, cleaned, for a sandboxed frame."""
    row = await _row(request)
    content = _body(_parsed(row["raw"]), "html") if row["channel"] == "email" else ""
    cleaned = nh3.clean(
        content,
        attributes={**nh3.ALLOWED_ATTRIBUTES, "*": {"style", "align", "width", "height"}},
        url_schemes={"http", "https", "mailto", "tel", "data"},
        link_rel="noopener noreferrer nofollow",
    )
    text = f'<!doctype html><meta charset="utf-8"><base target="_blank">{cleaned}'
    headers = {"Content-Security-Policy": MAIL_POLICY, "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, content_type="text/html", headers=headers)


@routes.get("/api/messages/{seq:[0-9]{1,15}}/raw")
async def raw(request: web.Request) -> web.Response:
    """The bytes as they came."""
    row = await _row(request)
    return web.Response(body=row["raw"], content_type="text/plain")


async def _row(request: web.Request) -> Row:
    row = await request.app[STORE].message(int(request.match_info["seq"]))
    if row is None:
        raise web.HTTPNotFound(text="no such message\n")
    return row


def _paged(items: list[Row], limit: int) -> web.Response:
    following = items[-1]["seq"] if len(items) == limit else None
    return web.json_response({"items": items, "next": following})


def _number(request: web.Request, name: str, default: int, most: int = 2**53) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise web.HTTPBadRequest(text=f"{name} must be a number\n")
    return min(int(text), most)


def _parsed(content: bytes) -> EmailMessage:
    parser: Any = BytesParser(policy=email.policy.default)
    return cast(EmailMessage, parser.parsebytes(content))


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # an unknown or lying charset
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
