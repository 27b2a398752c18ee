"""Registers every route of the table: its handler, and its place in the OpenAPI document."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request
from flask_openapi3 import FileStorage, OpenAPI, Tag
from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field, create_model

from chassis import errors
from services.gateway import clients, files
from services.gateway.api import comments, convert, models, uploads
from services.gateway.api.models import Use
from services.gateway.api.requests import IDEMPOTENCY_KEY, IF_MATCH, Reader
from services.gateway.api.streams import Streams
from services.gateway.api.table import PREFIX, Route
from services.gateway.stubs import STUBS

if TYPE_CHECKING:
    from services.gateway.app import Gateway


class UploadForm(BaseModel):
    """A file for an import."""

    file: FileStorage = Field(description="The file; csv, tsv or vCard, at most 200 MiB.")


class FileForm(BaseModel):
    """A file for a template."""

    file: FileStorage = Field(description="The file, at most 3 MiB.")


def register(app: OpenAPI, gateway: "Gateway", route: Route, streams: Streams) -> None:
    """Add one operation to `app`."""
    operation = Operation(route, gateway, streams)
    view = operation.view()
    if not route.needs_token:
        view = gateway.limiter.limit(f"{gateway.settings.sign_in_per_minute} per minute")(view)
    noun = route.path.strip("/").split("/")[0].split(":")[0]
    service = route.full_name.split("/")[0]
    add = getattr(app, route.method.lower())
    add(
        route.rule,
        endpoint=f"api.{route.name}",
        operation_id=route.name[0].lower() + route.name[1:],
        summary=comments.of(f"{service}.{route.name}"),
        tags=[Tag(name=noun, description=comments.of(service))],
        security=[{"bearer": []}, {"session": []}] if route.needs_token else [],
        responses=operation.responses(),
    )(view)


class Operation:
    """What one route does."""

    def __init__(self, route: Route, gateway: "Gateway", streams: Streams) -> None:
        self._route = route
        self._gateway = gateway
        self._streams = streams
        self._reader = Reader(route)
        self._stub = STUBS[route.full_name.split("/")[0]]

    def view(self) -> Callable[..., Response]:
        """Return the handler, annotated with what it takes, which the document is made from."""

        def view(**path: str) -> Response:
            return self.answer(path)

        view.__name__ = self._route.name
        view.__doc__ = None
        view.__annotations__ = self._annotations()
        # Requests are read by `Reader`, which names all bad fields of all parts at once.
        view.__delay_validate_request__ = True  # type: ignore[attr-defined]
        return view

    def answer(self, path: dict[str, str]) -> Response:
        """Answer one request."""
        if self._route.needs_token:
            clients.act_as(self._gateway.sessions.token_for(request))
        if self._route.kind == "upload":
            return self._response(self._upload())
        message: Any = self._reader.read(request, path)
        if self._route.kind == "file":
            message.name, message.data = uploads.read(request, most=uploads.SMALL)
        call = getattr(self._gateway.peers.stub(self._stub), self._route.name)
        if self._route.kind == "stream":
            return self._streams.answer(call, message, "run")
        if self._route.kind == "csv":
            return self._file(call, message)
        try:
            return self._response(call(message))
        except errors.InvalidArgument as refused:
            raise self._reader.as_sent(refused) from refused

    def responses(self) -> dict[Any, Any]:
        """Return what the document says of answers."""
        status = self._route.status
        output = self._route.descriptor.output_type
        if status == 204:
            good: Any = {"description": "Done; there is nothing to tell."}
        elif self._route.kind == "stream":
            good = {"description": "Events.", "content": {"text/event-stream": {"schema": _TEXT}}}
        elif self._route.kind == "csv":
            good = {"description": "A csv file.", "content": {"text/csv": {"schema": _TEXT}}}
        else:
            good = models.of(output, Use.OUTPUT)
        return {status: good, 400: _problem("Refused."), "default": _problem("Failed.")}

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

    def _annotations(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if self._route.parameters:
            told = {
                name: (str, Field(description=self._told(path)))
                for name, path in self._route.parameters.items()
            }
            made["path"] = create_model(f"{self._route.name}Path", **told)  # type: ignore[call-overload]
        if self._reader.query.model_fields:
            made["query"] = self._reader.query
        headers = self._headers()
        if headers:
            made["header"] = create_model(f"{self._route.name}Header", **headers)
        if self._route.kind == "upload":
            made["form"] = UploadForm
        elif self._route.kind == "file":
            made["form"] = FileForm
        elif self._reader.body is not None and self._reader.body.model_fields:
            made["body"] = self._reader.body
        return made

    def _told(self, path: str) -> str:
        owner = self._route.body_descriptor if "." in path else self._route.descriptor.input_type
        return comments.of(owner.fields_by_name[path.rpartition(".")[2]].full_name)

    def _headers(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if self._reader.takes_key:
            about = "The same key gives the same answer for 24 hours."
            default = ... if self._reader.needs_key else None
            made["idempotency_key"] = _header(IDEMPOTENCY_KEY, about, default)
        if self._reader.etag_field:
            about = "The ETag that was read; 412 when it changed since."
            made["if_match"] = _header(IF_MATCH, about, None)
        return made


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _header(name: str, about: str, default: Any) -> tuple[type[str], Any]:
    extra = models.without_default
    return str, Field(default=default, alias=name, description=about, json_schema_extra=extra)


_TEXT = {"type": "string"}


class _ProblemField(BaseModel):
    """One field that is refused."""

    model_config = ConfigDict(title="ProblemField")

    field: str = Field(description="Path in the body, or name of the parameter or header.")
    reason: str = Field(description="Why, for people.")


class ProblemDetails(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="Where the reason is explained.")
    title: str = Field(description="The reason, for people.")
    status: int
    detail: str = Field(description="What happened this time.")
    reason: str = Field(description="A stable code.")
    errors: list[_ProblemField] = Field(description="The fields that are refused.")
    metadata: dict[str, str] = Field(description="What a program needs to react.")
    request_id: str = Field(description="Tell it to whoever looks into it.")


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": schema}},
    }
