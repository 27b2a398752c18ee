"""Reads a request of the REST API into the message of its call, naming every bad field at once."""

import re
import uuid
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from flask import Request
from google.protobuf.message import Message
from pydantic import ValidationError

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.api import comments, convert, models
from services.gateway.api.models import Model, Use
from services.gateway.api.table import Route

IDEMPOTENCY_KEY = "Idempotency-Key"
IF_MATCH = "If-Match"
KEY_MAX = 200

_ETAG = re.compile(r'(?:W/)?"([^"]*)"')
_JSON = re.compile(r"application/(?:[\w.-]+\+)?json")


class Reader:
    """Turns requests of one route into messages."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.body = _body_model(route)
        self.query = _query_model(route)
        self.takes_key = route.has("request_id")
        self.etag_field = route.etag_field()
        field = route.descriptor.input_type.fields_by_name.get("request_id")
        self.needs_key = field is not None and comments.required(field)

    def read(self, request: Request, path: Mapping[str, str]) -> Message:
        """Return the message; raises `InvalidArgument` FIELDS_INVALID naming each bad field."""
        message = self.route.request()
        bad: list[FieldViolation] = []
        if self.body is not None:
            self._read_body(request, message, bad)
        self._read_query(request, message, bad)
        self.read_key(request, message, bad)
        self._read_etag(request, message, bad)
        for name, field in self.route.parameters.items():
            convert.put(message, field, path[name])
        if bad:
            raise errors.InvalidArgument(
                "FIELDS_INVALID", "some fields are not right", violations=bad
            )
        return message

    def as_sent(self, failure: errors.InvalidArgument) -> errors.InvalidArgument:
        """Name the fields of a service's refusal as the body that was sent names them."""
        prefix = f"{self.route.body}."
        if self.route.kind == "file":
            of_file = [
                FieldViolation("file", it.description) if it.field in ("name", "data") else it
                for it in failure.violations
            ]
            failure.violations = of_file
        failure.violations = [
            FieldViolation(
                IDEMPOTENCY_KEY if it.field == "request_id" else it.field.removeprefix(prefix),
                it.description,
            )
            for it in failure.violations
        ]
        return failure

    def _read_body(self, request: Request, message: Message, bad: list[FieldViolation]) -> None:
        data = request.get_data(cache=False)
        if data and not _JSON.fullmatch(request.mimetype):
            bad.append(FieldViolation("Content-Type", "must be application/json"))
            return
        assert self.body is not None  # noqa: S101 (the caller has looked)
        try:
            given = self.body.model_validate_json(data or b"{}", strict=True)
        except ValidationError as wrong:
            bad.extend(violations(wrong, self.route.body_descriptor.fields_by_name))
            return
        if self.route.body == "*":
            convert.fill(message, given)
            return
        convert.put(message, self.route.body, given)
        if self.route.has("update_mask"):
            changed = given.model_fields_set - {"etag"}
            mask: Any = message
            mask.update_mask.paths.extend(sorted(changed))

    def _read_query(self, request: Request, message: Message, bad: list[FieldViolation]) -> None:
        given: dict[str, Any] = {}
        for name, values in request.args.lists():
            field = self.query.model_fields.get(name)
            many = field is not None and self._repeated(name)
            if len(values) > 1 and not many:
                bad.append(FieldViolation(name, "is given more than once"))
            given[name] = values if many else values[0]
        try:
            convert.fill(message, self.query.model_validate(given))
        except ValidationError as wrong:
            bad.extend(violations(wrong))

    def _repeated(self, name: str) -> bool:
        return bool(self.route.descriptor.input_type.fields_by_name[name].is_repeated)

    def read_key(self, request: Request, message: Any, bad: list[FieldViolation]) -> None:
        """Put the Idempotency-Key into the request's request_id."""
        if not self.takes_key:
            return
        key = request.headers.get(IDEMPOTENCY_KEY, "").strip()
        if self.needs_key and not key:
            bad.append(FieldViolation(IDEMPOTENCY_KEY, "is required for this call"))
        if len(key) > KEY_MAX or not key.isprintable():
            bad.append(FieldViolation(IDEMPOTENCY_KEY, f"at most {KEY_MAX} printable characters"))
        # Without a key of the caller's, a retry of ours must not act twice either.
        message.request_id = key or str(uuid.uuid4())

    def _read_etag(self, request: Request, message: Message, bad: list[FieldViolation]) -> None:
        header = request.headers.get(IF_MATCH, "").strip()
        if not self.etag_field or header in ("", "*"):
            return
        found = _ETAG.fullmatch(header)
        if found is None:
            bad.append(FieldViolation(IF_MATCH, 'must be one ETag in quotes, such as "7"'))
            return
        holder: Any = message if self.etag_field == "etag" else getattr(message, self.route.body)
        if holder.etag not in ("", found.group(1)):
            bad.append(FieldViolation("etag", "is not the same as in If-Match"))
        holder.etag = found.group(1)


def violations(wrong: ValidationError, known: Iterable[str] = ()) -> list[FieldViolation]:
    """Return what pydantic found, as paths (`phones[0].number`) and reasons for people."""
    names = set(known)
    return [
        FieldViolation(_path(error["loc"]), _reason(error, names))
        for error in wrong.errors(include_url=False, include_input=False)
    ]


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "body"


def _reason(error: Any, known: set[str]) -> str:
    kind = error["type"]
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        top = len(error["loc"]) == 1 and error["loc"][0] in known
        return "cannot be set" if top else "is not a known field"
    if kind == "json_invalid":
        return f"is not JSON: {error['ctx']['error']}"
    if kind in ("literal_error", "enum"):
        return f"must be {error['ctx']['expected']}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    return str(error["msg"][0].lower() + error["msg"][1:])


@cache
def _body_model(route: Route) -> type[Model] | None:
    if not route.body:
        return None
    descriptor = route.body_descriptor
    bound = {path.rpartition(".")[2] for path in route.parameters.values()}
    if route.body == "*":
        return models.build(f"{route.name}Body", descriptor, Use.INPUT, bound)
    if route.method == "PATCH":
        return models.of(descriptor, Use.PATCH)
    settable = {name for name in bound if not comments.output_only(descriptor.fields_by_name[name])}
    if settable:
        return models.build(f"{route.name}Body", descriptor, Use.INPUT, settable)
    return models.of(descriptor, Use.INPUT)


@cache
def _query_model(route: Route) -> type[Model]:
    hidden = {*route.parameters.values(), "etag"}
    descriptor = route.descriptor.input_type
    if route.body or route.kind in ("upload", "file"):
        hidden |= set(descriptor.fields_by_name)
    return models.build(f"{route.name}Query", descriptor, Use.QUERY, hidden)
