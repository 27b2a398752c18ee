"""The OpenAPI document: what is said of every route of the table."""

from collections.abc import Callable
from functools import cache
from typing import Any

from flask_openapi3 import FileStorage, Info, OpenAPI, Tag
from pydantic import BaseModel, ConfigDict, Field, create_model

from services.gateway.api import comments, models
from services.gateway.api.models import Use
from services.gateway.api.requests import IDEMPOTENCY_KEY, IF_MATCH, Reader
from services.gateway.api.routes import ROUTES
from services.gateway.api.table import Id, Route

DESCRIPTION = (
    "Names are those of the protos. Times are RFC 3339, money is in minor units. Lists are paged: "
    "pass `next_page_token` back as `page_token`. What creates or changes takes an "
    "`Idempotency-Key`. An `ETag` that was read may be sent back as `If-Match`. Failures are "
    "problem details (RFC 9457) that name a stable reason and every field at fault. "
    "`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11) say how many "
    "requests a minute the caller may make and how many are left: of the replica that answers, as "
    "each counts for itself. A 429 has `Retry-After`."
)

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token from POST /api/v1/token, good for five minutes.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-mekong",
        "description": "The session of a signed-in person; changes need X-CSRF-Token as well.",
    },
}


class UploadForm(BaseModel):
    """A file for an import."""

    file: FileStorage = Field(description="The file; csv, tsv or vCard, at most 200 MiB.")


class FileForm(BaseModel):
    """A file for a template or a proposal."""

    file: FileStorage = Field(description="The file, at most 3 MiB.")


@cache
def document() -> dict[str, Any]:
    """Return the document; it takes a second to make, which no process needs before it is asked."""
    paper = OpenAPI(
        __name__,
        info=Info(title="Mekong", version="1", description=DESCRIPTION),
        doc_ui=False,
        security_schemes=SECURITY_SCHEMES,
        validation_error_status=400,
        validation_error_model=ProblemDetails,
    )
    paper.url_map.converters["id"] = Id
    for route in ROUTES:
        _describe(paper, route)
    made: dict[str, Any] = paper.api_doc
    for schema in made["components"]["schemas"].values():
        # Each is a component of its own already.
        schema.pop("$defs", None)
    return made


def _describe(paper: OpenAPI, route: Route) -> None:
    described = _Described(route)
    noun = route.path.strip("/").split("/")[0].split(":")[0]
    service = route.full_name.split("/")[0]
    add = getattr(paper, route.method.lower())
    add(
        route.rule,
        endpoint=route.name,
        operation_id=route.name[0].lower() + route.name[1:],
        summary=comments.of(f"{service}.{route.name}"),
        tags=[Tag(name=noun, description=comments.of(service))],
        security=[{"bearer": []}, {"session": []}] if route.needs_token else [],
        responses=described.responses(),
    )(described.signature())


class _Described:
    """What the document says of one route."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._reader = Reader(route)

    def signature(self) -> Callable[[], None]:
        """Return a function with the name of the operation, annotated with what it takes."""

        def signature() -> None: ...

        signature.__name__ = self._route.name
        signature.__doc__ = None
        signature.__annotations__ = self._annotations()
        return signature

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
        elif self._route.kind == "calendar":
            good = {"description": "An iCalendar file.", "content": {"text/calendar": _AS_TEXT}}
        elif self._route.kind == "pdf":
            good = {"description": "A PDF.", "content": {"application/pdf": _AS_TEXT}}
        elif self._route.kind == "download":
            good = {"description": "A file.", "content": {"application/octet-stream": _AS_TEXT}}
        else:
            good = models.of(output, Use.OUTPUT)
        return {status: good, 400: _problem("Refused."), "default": _problem("Failed.")}

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


def _header(name: str, about: str, default: Any) -> tuple[type[str], Any]:
    extra = models.without_default
    return str, Field(default=default, alias=name, description=about, json_schema_extra=extra)


_TEXT = {"type": "string"}
_AS_TEXT = {"schema": _TEXT}


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
