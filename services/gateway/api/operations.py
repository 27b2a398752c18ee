"""Answers every route of the table."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request
from google.protobuf.message import Message

from chassis import errors
from services.gateway import calendars, clients, downloads, files, pdfs
from services.gateway.api import convert, uploads
from services.gateway.api.requests import Reader
from services.gateway.api.streams import Streams
from services.gateway.api.table import PREFIX, Route
from services.gateway.stubs import STUBS

if TYPE_CHECKING:
    from services.gateway.app import Gateway


def register(app: Flask, gateway: "Gateway", route: Route, streams: Streams) -> None:
    """Add one operation to `app`."""
    view = Operation(route, gateway, streams).view()
    if not route.needs_token:
        view = gateway.limiter.limit(f"{gateway.settings.sign_in_per_minute} per minute")(view)
    app.add_url_rule(route.rule, f"api.{route.name}", view, methods=[route.method])


class Operation:
    """What one route does."""

    def __init__(self, route: Route, gateway: "Gateway", streams: Streams) -> None:
        self._route = route
        self._gateway = gateway
        self._streams = streams
        self._reader = Reader(route)
        self._stub = STUBS[route.full_name.split("/")[0]]

    def view(self) -> Callable[..., Response]:
        """Return the handler; what it takes is read by `Reader`, which names all bad fields."""

        def view(**path: str) -> Response:
            return self.answer(path)

        view.__name__ = self._route.name
        return view

    def answer(self, path: dict[str, str]) -> Response:
        """Answer one request."""
        if self._route.needs_token:
            token = self._gateway.sessions.token_for(request)
            self._gateway.limits.admit(token, request.remote_addr or "")
            clients.act_as(token)
        if self._route.kind == "upload":
            return self._response(self._upload())
        if self._route.kind == "mail" and request.mimetype == uploads.MAIL:
            message: Any = uploads.mail(request, self._route.request())
        else:
            message = self._reader.read(request, path)
        if self._route.kind == "file":
            message.name, message.data = uploads.read(request, most=uploads.SMALL)
        call = getattr(self._gateway.peers.stub(self._stub), self._route.name)
        if self._route.kind == "stream":
            by_session = "Authorization" not in request.headers
            return self._streams.answer(call, message, "run", by_session=by_session)
        if self._route.kind == "csv":
            return self._file(call, message)
        try:
            made = _FILES.get(self._route.kind, self._response)
            return made(call(message))
        except errors.InvalidArgument as refused:
            raise self._reader.as_sent(refused) from refused

    def _file(self, call: Any, message: Message) -> Response:
        (field,) = self._route.descriptor.output_type.fields
        row: Any = field.message_type
        parts = (
            [
                [_cell(value) for value in convert.to_json(it).values()]
                for it in getattr(part, field.name)
            ]
            for part in call(message, timeout=files.SECONDS)
        )
        headings = [it.name for it in row.fields]
        return self._gateway.files.answer(parts, headings, f"{field.name}.csv")

    def _upload(self) -> Message:
        settings = self._gateway.settings
        given: Any = self._route.request()
        bad: list[errors.FieldViolation] = []
        self._reader.read_key(request, given, bad)
        if bad:
            raise errors.InvalidArgument("FIELDS_INVALID", "the key is not right", violations=bad)
        made: Message = uploads.upload(
            request,
            self._gateway.peers,
            key=given.request_id,
            most=settings.upload_max_bytes,
            seconds=settings.upload_seconds,
        )
        return made

    def _response(self, message: Message) -> Response:
        if self._route.status == 204:
            return Response(status=204)
        body = convert.to_json(message)
        response = jsonify(body)
        response.status_code = self._route.status
        if self._route.location:
            response.headers["Location"] = PREFIX + self._route.location.format(id=body["id"])
        if body.get("etag"):
            response.set_etag(body["etag"])
            if self._route.method == "GET":
                response.make_conditional(request)
        return response


_FILES: Mapping[str, Callable[[Any], Response]] = {
    "calendar": calendars.file,
    "pdf": pdfs.file,
    "download": downloads.file,
}


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
