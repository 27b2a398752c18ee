"""Update masks, rights and the retry policy, each by itself."""

import json

import pytest
from google.protobuf import api_pb2, descriptor_pb2, descriptor_pool
from google.protobuf.field_mask_pb2 import FieldMask

from chassis import context, errors
from chassis.config import SettingsError
from chassis.context import Level, Principal
from chassis.rpc import balancing, fieldmask, rights

ALLOWED = ("name", "version", "source_context")


class TestAnUpdateMask:
    def test_an_empty_one_means_what_is_populated_and_allowed(self) -> None:
        message = api_pb2.Api(name="x", mixins=[api_pb2.Mixin(name="not allowed")])

        assert fieldmask.paths(FieldMask(), message, ALLOWED) == ["name"]

    def test_an_empty_one_of_a_type_means_all_that_is_allowed(self) -> None:
        assert fieldmask.paths(FieldMask(), api_pb2.Api, ALLOWED) == sorted(ALLOWED)

    def test_a_star_means_all_that_is_allowed(self) -> None:
        mask = FieldMask(paths=["*"])

        assert fieldmask.paths(mask, api_pb2.Api(), ALLOWED) == sorted(ALLOWED)

    def test_it_may_name_what_is_to_be_cleared_and_what_lies_below(self) -> None:
        mask = FieldMask(paths=["version", "source_context.file_name", "version"])

        found = fieldmask.paths(mask, api_pb2.Api(name="x"), ALLOWED)

        assert found == ["source_context.file_name", "version"]

    @pytest.mark.parametrize("path", ["nothing", "mixins", "name.x", "source_context.x", "", "*."])
    def test_what_is_unknown_or_not_allowed_is_named(self, path: str) -> None:
        with pytest.raises(errors.InvalidArgument) as got:
            fieldmask.paths(FieldMask(paths=["name", path]), api_pb2.Api(), ALLOWED)

        assert got.value.reason == "UPDATE_MASK_INVALID"
        assert [each.field for each in got.value.violations] == ["update_mask"]
        assert repr(path) in got.value.violations[0].description


class TestARight:
    def test_its_level_is_told(self) -> None:
        user = Principal("u", "user", rights={"contacts": {"read": "own"}})

        with context.bind(principal=user):
            assert rights.require("contacts", "read") is Level.OWN

    def test_a_missing_one_is_named(self) -> None:
        user = Principal("u", "user", rights={"contacts": {"read": "none"}})

        with context.bind(principal=user), pytest.raises(errors.PermissionDenied) as got:
            rights.require("contacts", "read")

        assert got.value.reason == "RIGHT_MISSING"
        assert got.value.metadata == {"resource": "contacts", "action": "read"}

    def test_nobody_has_none(self) -> None:
        with pytest.raises(errors.Unauthenticated):
            rights.require("contacts", "read")

    def test_a_service_that_acts_for_a_user_has_only_the_users(self) -> None:
        acting = Principal("s", "service", actor="campaigns")

        with context.bind(principal=acting), pytest.raises(errors.PermissionDenied):
            rights.require("contacts", "read")


class TestANeed:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("contacts.read", rights.Need("contacts", "read", Level.OWN)),
            ("contacts.write:all", rights.Need("contacts", "write", Level.ALL)),
            ("follow_ups.write:team", rights.Need("follow_ups", "write", Level.TEAM)),
        ],
    )
    def test_it_is_read_and_told_as_people_write_it(self, text: str, found: rights.Need) -> None:
        assert rights.need(text) == found
        assert str(found) == text

    @pytest.mark.parametrize(
        "text", ["", "contacts", "contacts.", ".read", "contacts.read:none", "contacts.read:some"]
    )
    def test_what_is_no_right_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"right|Level"):
            rights.need(text)


class TestARule:
    RULE = rights.Rule(needs=(rights.need("a.read"), rights.need("b.write:team")))

    @pytest.mark.parametrize(
        ("granted", "missing"),
        [
            ({"a": {"read": "own"}, "b": {"write": "team"}}, None),
            ({"a": {"read": "all"}, "b": {"write": "all"}}, None),
            ({"b": {"write": "all"}}, "a"),
            ({"a": {"read": "none"}, "b": {"write": "all"}}, "a"),
            ({"a": {"read": "own"}, "b": {"write": "own"}}, "b"),
            ({"a": {"read": "own", "write": "all"}, "b": {"read": "all"}}, "b"),
        ],
    )
    def test_it_needs_all_of_them_at_their_level(
        self, granted: dict[str, dict[str, str]], missing: str | None
    ) -> None:
        user = Principal("u", "user", rights=granted)

        if missing is None:
            self.RULE.check(user)
            return
        with pytest.raises(errors.PermissionDenied) as got:
            self.RULE.check(user)
        assert got.value.metadata["resource"] == missing

    def test_the_house_is_a_service_that_acts_for_itself(self) -> None:
        rule = rights.Rule(rights.Caller.HOUSE)

        rule.check(Principal("s", "service"))
        for other in (
            Principal("u", "user"),
            Principal("c", "client"),
            Principal("u", "service", actor="campaigns"),
        ):
            with pytest.raises(errors.PermissionDenied):
                rule.check(other)

    @pytest.mark.parametrize("caller", [it for it in rights.Caller if it != rights.Caller.CONTACT])
    def test_a_customer_may_call_nothing_that_is_not_for_customers(
        self, caller: rights.Caller
    ) -> None:
        customer = Principal("l", "contact", contact_id="c", rights={"a": {"read": "all"}})

        with pytest.raises(errors.PermissionDenied):
            rights.Rule(caller).check(customer)

    def test_only_a_customer_may_call_what_is_for_customers(self) -> None:
        rule = rights.Rule(rights.Caller.CONTACT)

        rule.check(Principal("l", "contact", contact_id="c"))
        for kind in ("user", "client", "service"):
            with pytest.raises(errors.PermissionDenied):
                rule.check(Principal("x", kind, rights={"a": {"read": "all"}}))


class TestTheServiceConfig:
    def test_only_repeatable_methods_are_repeated(self) -> None:
        file = descriptor_pb2.FileDescriptorProto(
            name="retry_test.proto", package="retry.v1", syntax="proto3"
        )
        file.message_type.add(name="M")
        service = file.service.add(name="S")
        levels = descriptor_pb2.MethodOptions
        for name, level in (
            ("Read", levels.NO_SIDE_EFFECTS),
            ("Put", levels.IDEMPOTENT),
            ("Send", levels.IDEMPOTENCY_UNKNOWN),
        ):
            method = service.method.add(name=name, input_type=".retry.v1.M")
            method.output_type = ".retry.v1.M"
            method.options.idempotency_level = level
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)

        found = json.loads(balancing.service_config([pool.FindServiceByName("retry.v1.S")]))

        [config] = found["methodConfig"]
        assert [each["method"] for each in config["name"]] == ["Read", "Put"]
        assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
        assert found["loadBalancingConfig"] == [{"round_robin": {}}]
        assert found["retryThrottling"]["tokenRatio"] <= 0.1


class TestTheTarget:
    @pytest.mark.parametrize(
        ("address", "target"),
        [
            ("mekong-leads:8080", "dns:///mekong-leads:8080"),
            ("127.0.0.1:1, 127.0.0.1:2", "ipv4:127.0.0.1:1,127.0.0.1:2"),
            ("[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2"),
            ("dns:///name:1", "dns:///name:1"),
        ],
    )
    def test_it_names_every_replica(self, address: str, target: str) -> None:
        assert balancing.target(address) == target

    @pytest.mark.parametrize("address", ["leads-1:1,leads-2:1", "127.0.0.1:1,[::1]:1"])
    def test_a_list_that_grpc_cannot_take_is_refused(self, address: str) -> None:
        with pytest.raises(SettingsError):
            balancing.target(address)
