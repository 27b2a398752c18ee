"""Every method says who may call it, in rights that exist."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from crm.rights.v1 import rights_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodOptions,
)

from chassis.rpc.rights import Caller, Rule
from services import rights
from services.accounts.domain.rights import ACTIONS, HIDEABLE, OWNED, RESOURCES
from services.gateway.web import roles

ROOT = Path(__file__).resolve().parents[2]
SHOWN_TO_ALL = {
    "accounts.v1.DescribeContactInvitationResponse.address": "of the invited, to the gateway",
    "accounts.v1.DescribePasswordLinkResponse.email": "of a user, to the gateway",
    "accounts.v1.MyLogin.address": "the customer's own",
    "accounts.v1.User.email": "of a user",
    "leads.v1.AudienceMember.address": "to services of the house, which write to it",
    "leads.v1.AudienceMember.address_key": "to services of the house",
    "leads.v1.Email.address": "all of them are guarded, in what they are part of",
    "leads.v1.ImportConsent.evidence": "of a whole file, by who imports it",
    "leads.v1.MyProfile.emails": "the customer's own",
    "leads.v1.MyProfile.phones": "the customer's own",
    "notifier.v1.Advertiser.postal_address": "of the house",
    "notifier.v1.LookUpAddressResponse.address": "what was asked, by who may read it",
    "notifier.v1.Provider.address": "of a server",
    "notifier.v1.SenderIdentity.address": "of the house",
}
"""Fields of answers that hold addresses, or may, and are guarded nowhere, and why."""


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


def messages() -> dict[str, DescriptorProto]:
    """Every message of every contract by its full name."""
    found: dict[str, DescriptorProto] = {}
    for file in files():
        waiting = [(file.package, it) for it in file.message_type]
        while waiting:
            above, message = waiting.pop()
            name = f"{above}.{message.name}"
            found[name] = message
            waiting += [(name, it) for it in message.nested_type]
    return found


def answered() -> Iterator[str]:
    """The full names of messages of ours that are part of some answer."""
    known, seen = messages(), set[str]()
    waiting = [
        method.output_type for file in files() for it in file.service for method in it.method
    ]
    while waiting:
        name = waiting.pop().removeprefix(".")
        if name in known and name not in seen:
            seen.add(name)
            yield name
            waiting += [it.type_name for it in known[name].field]


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

    def test_it_is_what_holds_an_address_or_may_quote_one(self) -> None:
        told = set(answered())
        words = re.compile("address|phone|email|^answer$|^detail$|evidence")
        bare = {
            f"{name}.{field.name}"
            for name in told
            for field in messages()[name].field
            if field.type == field.TYPE_STRING
            and words.search(field.name)
            and not field.options.Extensions[rights_pb2.guarded_as]
        }

        assert {it.removeprefix("crm.") for it in bare} == set(SHOWN_TO_ALL)


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
