"""Fields that are for answers alone are refused in every request, on any level."""

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from services.gateway.api import comments
from services.gateway.api.routes import ROUTES
from services.gateway.api.table import Route

WITH_BODY = [it for it in ROUTES if it.body and it.kind != "mail"]
# What could make somebody more than they are, wherever it were taken from.
ALWAYS = (
    "is_admin",
    "admin",
    "role",
    "rights",
    "password_hash",
    "secret_hash",
    "__proto__",
    "constructor",
)


def shut(route: Route) -> list[FieldDescriptor]:
    return [it for it in route.body_descriptor.fields if comments.output_only(it)]


def some(field: FieldDescriptor) -> Any:
    """A value of a field, of the kind that would be taken."""
    if field.message_type is not None:
        one: Any = "2026-01-01T00:00:00Z" if field.message_type.name == "Timestamp" else {}
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        one = "0192f3a0-0000-7000-8000-000000000009"
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        one = True
    elif field.enum_type is not None:
        one = field.enum_type.values[-1].name
    else:
        one = 1
    return [one] if field.is_repeated else one


def sent(program: Any, route: Route, body: dict[str, Any]) -> Any:
    path = route.path.format(**dict.fromkeys(route.parameters, "x"))
    return program(route.method, path, json=body, headers={"Idempotency-Key": "k"})


class TestEveryRoute:
    @pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: route.name)
    def test_what_is_for_answers_alone_is_refused_by_name(
        self, program: Any, peers: Any, route: Route
    ) -> None:
        given = {it.name: some(it) for it in shut(route)}

        answer = sent(program, route, {**given, **dict.fromkeys(ALWAYS[:1], True)})

        named = {it["field"] for it in answer.get_json()["errors"]}
        assert answer.status_code == 400
        assert named >= given.keys() | {"is_admin"}
        assert peers.calls == []

    def test_there_are_many_of_them(self) -> None:
        assert sum(len(shut(route)) for route in WITH_BODY) > 100

    @pytest.mark.parametrize("name", ALWAYS)
    @pytest.mark.parametrize("operation", ["CreateUser", "UpdateUser", "CreateContact"])
    def test_what_nobody_has_heard_of_is_refused(
        self, program: Any, peers: Any, operation: str, name: str
    ) -> None:
        route = next(it for it in WITH_BODY if it.name == operation)

        answer = sent(program, route, {name: True})

        assert answer.status_code == 400
        assert name in {it["field"] for it in answer.get_json()["errors"]}
        assert peers.calls == []

    def test_an_id_in_the_body_is_not_that_of_the_address(self, program: Any, peers: Any) -> None:
        route = next(it for it in WITH_BODY if it.name == "UpdateContact")

        answer = sent(program, route, {"id": "another", "company": "x"})

        assert answer.status_code == 400
        assert peers.calls == []
