"""The REST API covers the contract: every call is routed or left out on purpose, and documented."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from crm.errors.v1 import reason_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from services.gateway import problems
from services.gateway.api import comments
from services.gateway.api.routes import INTERNAL, ROUTES
from services.gateway.api.table import Route
from services.gateway.stubs import STUBS

PROTOS = Path(__file__).parents[3] / "protos"


def calls() -> Iterator[MethodDescriptor]:
    for path in sorted(PROTOS.glob("crm/*/v1/*_service.proto")):
        module = import_module(
            str(path.relative_to(PROTOS).with_suffix("")).replace("/", ".") + "_pb2"
        )
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from service.methods


def full_name(method: MethodDescriptor) -> str:
    return f"{method.containing_service.full_name}/{method.name}"


def shape(file: descriptor_pb2.FileDescriptorProto) -> set[tuple[str, str, int]]:
    fields = {(it.name, field.name, field.number) for it in file.message_type for field in it.field}
    methods = {(it.name, call.name, 0) for it in file.service for call in it.method}
    values = {(it.name, value.name, value.number) for it in file.enum_type for value in it.value}
    return fields | methods | values


class TestTable:
    def test_every_call_is_routed_or_internal_for_a_reason(self) -> None:
        routed = {route.full_name for route in ROUTES}

        forgotten = {full_name(call) for call in calls()} - routed - INTERNAL.keys()

        assert forgotten == set()
        assert routed.isdisjoint(INTERNAL)
        assert all(INTERNAL.values())

    def test_nothing_is_listed_that_the_protos_do_not_have(self) -> None:
        known = {full_name(call) for call in calls()}

        assert {route.full_name for route in ROUTES} | INTERNAL.keys() <= known

    def test_no_address_leads_to_two_calls(self) -> None:
        addresses = [(route.method, route.path) for route in ROUTES]

        assert len(addresses) == len(set(addresses))

    def test_every_routed_service_has_a_stub(self) -> None:
        assert {route.full_name.split("/")[0] for route in ROUTES} <= STUBS.keys()

    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
    def test_what_only_reads_is_a_get_and_what_changes_is_not(self, route: Route) -> None:
        reads = (
            route.descriptor.GetOptions().idempotency_level
            == descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
        )
        asks_with_a_body = route.path.endswith((":preview", ":review", ":batchGet"))

        assert (route.method == "GET") is (reads and not asks_with_a_body)

    @pytest.mark.parametrize(
        "route", [route for route in ROUTES if route.location], ids=lambda route: route.name
    )
    def test_a_location_can_be_read(self, route: Route) -> None:
        assert ("GET", route.location) in {(it.method, it.path) for it in ROUTES}


class TestComments:
    def test_the_generated_ones_are_those_of_the_protos(self) -> None:
        described = descriptor_pb2.FileDescriptorSet.FromString(comments.FILE.read_bytes())
        names = {file.name for file in described.file}

        assert names == {str(it.relative_to(PROTOS)) for it in PROTOS.glob("crm/**/*.proto")}
        for file in described.file:
            module = import_module(file.name.replace("/", ".").removesuffix(".proto") + "_pb2")
            compiled = descriptor_pb2.FileDescriptorProto()
            module.DESCRIPTOR.CopyToProto(compiled)
            assert shape(file) == shape(compiled), f"{file.name}: run make generate"

    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
    def test_every_call_and_every_field_of_its_request_is_explained(self, route: Route) -> None:
        service, method = route.full_name.split("/")

        assert comments.of(f"{service}.{method}")
        fields: list[FieldDescriptor] = list(route.descriptor.input_type.fields)
        for field in fields:
            assert comments.of(field.full_name).startswith(("Required", "Optional")), (
                field.full_name
            )


class TestReasons:
    def test_each_has_a_title_in_both_languages(self) -> None:
        for value in reason_pb2.Reason.DESCRIPTOR.values:
            if value.number:
                english, vietnamese = problems.TITLES[value.name.removeprefix("REASON_")]
                assert english
                assert vietnamese
                assert english != vietnamese
