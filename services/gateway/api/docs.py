"""The OpenAPI document, and a page that shows it to people without any script."""

from functools import cache
from typing import Any

from crm.errors.v1 import reason_pb2
from flask import Flask, Response, jsonify, render_template
from markupsafe import Markup, escape

from services.gateway import problems
from services.gateway.api import comments, described
from services.gateway.api.table import PREFIX

_METHODS = ("get", "post", "patch", "delete")


def attach(app: Flask) -> None:
    """Add `/api/v1/openapi.json` and `/api/docs` to `app`."""

    @app.route(f"{PREFIX}/openapi.json")
    def openapi_document() -> Response:
        return jsonify(described.document())

    @app.route("/api/docs")
    def api_docs() -> str:
        return render_template(
            "api/docs.html",
            document=described.document(),
            groups=groups(described.document()),
            reasons=reasons(),
            reference=reference,
        )


def groups(described: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the operations by tag, in the table's order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path, item in described["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                shown = {"method": method.upper(), "path": path, **operation}
                found.setdefault(operation["tags"][0], []).append(shown)
    return found


def reference(schema: dict[str, Any]) -> Markup:
    """Return a schema in a few words, with a link to what it names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(reference(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return Markup("list of {}").format(reference(schema.get("items", {})))
    if "enum" in schema or "const" in schema:
        return Markup(" | ").join(schema.get("enum", [schema.get("const")]))
    return escape(schema.get("format") or schema.get("type", "anything"))


@cache
def reasons() -> list[tuple[str, str]]:
    """Return every reason of the error contract with its comment, then those of the gateway."""
    enum = reason_pb2.Reason.DESCRIPTOR
    shared = [
        (value.name.removeprefix("REASON_"), comments.of(f"{enum.full_name}.{value.name}"))
        for value in enum.values
        if value.number
    ]
    named = {name for name, _ in shared}
    own = [(name, f"{texts[0]}.") for name, texts in problems.TITLES.items() if name not in named]
    return [*shared, *own]
