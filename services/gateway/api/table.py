"""One operation of the REST API: which address leads to which call."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from werkzeug.routing import BaseConverter

PREFIX = "/api/v1"

_PARAMETER = re.compile(r"\{(\w+)\}")


class Id(BaseConverter):
    """A part of an address that ends before a verb: `/contacts/{id}:convert`."""

    regex = "[^/:]+"
    part_isolating = True


@dataclass(frozen=True)
class Route:
    """An address below /api/v1 and its call.

    `rpc` is `leads.ContactService/GetContact`. Names in braces fill the request's field of
    that name, or the body's. `body` is empty (fields come from the query), `*` (the body is
    the request) or the name of the request's field that the body is. `location` is where a
    created resource can be read. An `upload` passes a file on in pieces, a `file` is small and
    becomes the fields `name` and `data`. The body of a `mail` may be the mail itself.
    A `calendar` answers with an iCalendar file, a `pdf` with a document to print, a `download` with
    any file, to be kept.
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    rpc: str
    body: str = ""
    status: int = 200
    location: str = ""
    needs_token: bool = True
    kind: Literal[
        "unary", "stream", "upload", "file", "csv", "mail", "calendar", "pdf", "download"
    ] = "unary"

    @property
    def descriptor(self) -> MethodDescriptor:
        """The call."""
        service, method = self.full_name.split("/")
        return descriptor_pool.Default().FindServiceByName(service).methods_by_name[method]

    @property
    def full_name(self) -> str:
        """`crm.leads.v1.ContactService/GetContact`."""
        package, _, rest = self.rpc.partition(".")
        return f"crm.{package}.v1.{rest}"

    @property
    def name(self) -> str:
        """Name of the call."""
        return self.rpc.rpartition("/")[2]

    @property
    def request(self) -> type[Message]:
        """The request's message."""
        return message_factory.GetMessageClass(self.descriptor.input_type)

    @property
    def body_descriptor(self) -> Descriptor:
        """The message that the body is."""
        request: Descriptor = self.descriptor.input_type
        if self.body in ("", "*"):
            return request
        inner: Any = request.fields_by_name[self.body].message_type
        return inner  # type: ignore[no-any-return]

    @property
    def parameters(self) -> dict[str, str]:
        """Path of the request's field by name in the address."""
        return {name: self._field(name) for name in _PARAMETER.findall(self.path)}

    @property
    def rule(self) -> str:
        """The address as Flask writes it."""
        return PREFIX + _PARAMETER.sub(r"<id:\1>", self.path)

    def has(self, field: str) -> bool:
        """Whether the request has the field."""
        return field in self.descriptor.input_type.fields_by_name

    def etag_field(self) -> str:
        """Path of the field that If-Match fills, or an empty string."""
        if self.method in ("PATCH", "DELETE", "POST") and self.has("etag"):
            return "etag"
        if self.method == "PATCH" and "etag" in self.body_descriptor.fields_by_name:
            return f"{self.body}.etag"
        return ""

    def _field(self, name: str) -> str:
        if self.has(name):
            return name
        if self.body not in ("", "*") and name in self.body_descriptor.fields_by_name:
            return f"{self.body}.{name}"
        raise LookupError(f"{self.rpc}: no field for {{{name}}} of {self.path}")


def resource(
    collection: str,
    service: str,
    noun: str,
    plural: str,
    *,
    field: str,
    only: str = "create list get update delete",
) -> tuple[Route, ...]:
    """Return the standard operations of a resource: `only` says which of them it has."""
    one = collection + "/{id}"
    location = one if "get" in only.split() else ""
    routes = {
        "create": Route(
            "POST", collection, f"{service}/Create{noun}", field, status=201, location=location
        ),
        "list": Route("GET", collection, f"{service}/List{plural}"),
        "get": Route("GET", one, f"{service}/Get{noun}"),
        "update": Route("PATCH", one, f"{service}/Update{noun}", field),
        "delete": Route("DELETE", one, f"{service}/Delete{noun}", status=204),
    }
    return tuple(routes[name] for name in only.split())
