"""Every method says who may call it, in rights that exist."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodOptions

from chassis.rpc.rights import Caller, Rule
from services import rights
from services.accounts.domain.rights import ACTIONS, RESOURCES

ROOT = Path(__file__).resolve().parents[2]


def rules() -> Iterator[tuple[str, Rule]]:
    """The rule of every method of every contract."""
    files = FileDescriptorSet.FromString((ROOT / "gen" / "descriptors.binpb").read_bytes())
    for file in files.file:
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
