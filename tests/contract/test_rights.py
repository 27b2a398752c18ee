"""Every method says who may call it, in rights that exist."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from crm.rights.v1 import rights_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodOptions

from chassis.rpc.rights import Caller, Rule
from services import rights
from services.accounts.domain.rights import ACTIONS, HIDEABLE, OWNED, RESOURCES
from services.gateway.web import roles

ROOT = Path(__file__).resolve().parents[2]


def files() -> Sequence[FileDescriptorProto]:
    """Every contract."""
    return FileDescriptorSet.FromString((ROOT / "gen" / "descriptors.binpb").read_bytes()).file


def rules() -> Iterator[tuple[str, Rule]]:
    """The rule of every method of every contract."""
    for file in files():
        for service in file.service:
            for method in service.method:
                name = f"/{file.package}.{service.name}/{method.name}"
                yield name, rights.told(method.options, name)


class TestEveryMethod:
    def test_it_says_who_may_call_it(self) -> None:
        assert len(list(rules())) > 200

    def test_it_needs_rights_that_can_be_given(self) -> None:
        wanted = {it for _, rule in rules() for it in (*rule.needs, *rule.may_need)}

        assert {it.resource for it in wanted} <= set(RESOURCES)
        assert {it.action for it in wanted} <= set(ACTIONS)

    def test_each_right_that_can_be_given_is_needed_somewhere(self) -> None:
        wanted = {it.resource for _, rule in rules() for it in rule.needs}

        assert wanted == set(RESOURCES)

    def test_only_the_way_to_a_token_needs_none(self) -> None:
        opened = {name for name, rule in rules() if rule.caller is Caller.ANYBODY}

        assert opened == {"/crm.accounts.v1.TokenService/IssueToken"}


class TestWhatARoleCanHide:
    def test_it_is_what_contracts_guard(self) -> None:
        guarded = {
            name
            for file in files()
            for message in file.message_type
            for field in message.field
            for name in field.options.Extensions[rights_pb2.guarded_as]
        }

        assert set(HIDEABLE) == guarded


class TestThePageOfRoles:
    def test_it_knows_the_rights_that_accounts_knows(self) -> None:
        assert set(roles.ORDER) == set(RESOURCES)
        assert set(roles.OWNED) == OWNED
        assert roles.ACTIONS == ACTIONS
        assert tuple(f"contacts.{it}" for it in roles.HIDEABLE) == HIDEABLE


class TestAMethodThatDoesNotSay:
    def test_it_has_no_rule(self) -> None:
        with pytest.raises(LookupError, match="does not say who may call /x/Y"):
            rights.told(MethodOptions(), "/x/Y")

    def test_its_service_is_not_served(self) -> None:
        file = FileDescriptorProto(name="silent.proto", package="silent.v1", syntax="proto3")
        file.message_type.add(name="Nothing")
        file.service.add(name="SilentService").method.add(
            name="Do", input_type=".silent.v1.Nothing", output_type=".silent.v1.Nothing"
        )
        descriptor_pool.Default().Add(file)

        with pytest.raises(LookupError, match="does not say"):
            rights.rule("/silent.v1.SilentService/Do")
