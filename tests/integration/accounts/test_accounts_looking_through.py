"""A session that acts on behalf of somebody, or looks through a role."""

import json
from typing import Any

import pytest
from crm.accounts.v1 import session_service_pb2 as pb2
from crm.accounts.v1 import user_service_pb2
from crm.accounts.v1.user_pb2 import LEVEL_ALL, Right, Role

from chassis import errors
from chassis.context import Level
from tests.integration.accounts.sign_in_parts import exchange, sign_in
from tests.integration.serving import refused

NOBODYS = "01980000-0000-7000-8000-0000000000ff"


class TestOnBehalf:
    async def test_a_service_gets_the_rights_its_user_has_now(self, house: Any) -> None:
        lan = await house.add("Lan", "marketing")

        issued = await house.issue("leads", on_behalf_of=lan.id)

        who = await house.principal(issued.text, "campaigns")
        assert (who.subject, who.actor) == (lan.id, "leads")
        assert who.level("campaigns", "start") is Level.ALL
        assert who.level("contacts", "write") is Level.NONE

    async def test_for_a_user_who_was_shut_out_it_gets_nothing(self, house: Any) -> None:
        lan = await house.add("Lan")
        await house.users().DeactivateUser(user_service_pb2.DeactivateUserRequest(id=lan.id))

        with pytest.raises(errors.PermissionDenied):
            await house.issue("leads", on_behalf_of=lan.id)

    async def test_of_a_token_of_fewer_rights_it_gets_no_more(self, house: Any) -> None:
        lan = await house.add("Lan", "marketing")
        rights = {"contacts": {"read": "own", "write": "all"}, "templates": {"read": "all"}}
        carried = json.dumps({"rights": rights, "hidden": ["contacts.phones"]})

        issued = await house.issue("leads", on_behalf_of=lan.id, carried=carried)

        who = await house.principal(issued.text, "campaigns")
        assert who.rights == {"contacts": {"read": "own"}, "templates": {"read": "all"}}
        assert who.hidden == {"contacts.phones"}

    async def test_what_the_role_hides_stays_hidden_whatever_was_carried(self, house: Any) -> None:
        role = Role(name="Telesales", hidden_fields=["contacts.phones"])
        made = await house.users().CreateRole(user_service_pb2.CreateRoleRequest(role=role))
        house.roles[made.name] = made.id
        lan = await house.add("Lan", made.name)
        carried = json.dumps({"rights": {"contacts": {"read": "all"}}, "hidden": []})

        issued = await house.issue("leads", on_behalf_of=lan.id, carried=carried)

        who = await house.principal(issued.text, "campaigns")
        assert (dict(who.rights), who.hidden) == ({}, {"contacts.phones"})

    async def test_nor_of_a_program_whose_token_has_a_scope(self, house: Any) -> None:
        client = await house.add_client(
            Right(resource="contacts", action="read", level=LEVEL_ALL),
            Right(resource="segments", action="read", level=LEVEL_ALL),
        )
        carried = json.dumps({"rights": {"contacts": {"read": "own"}}, "hidden": []})

        issued = await house.issue("leads", on_behalf_of=client.id, carried=carried)

        who = await house.principal(issued.text, "leads")
        assert who.rights == {"contacts": {"read": "own"}}

    @pytest.mark.parametrize(
        "carried",
        [
            "{",
            "[]",
            '{"rights": {}}',
            '{"rights": 7, "hidden": []}',
            '{"rights": {"contacts": {"read": "most"}}, "hidden": []}',
            '{"rights": {}, "hidden": [7]}',
        ],
    )
    async def test_what_cannot_be_read_is_refused_by_name(self, house: Any, carried: str) -> None:
        lan = await house.add("Lan")

        with pytest.raises(errors.InvalidArgument) as refusal:
            await house.issue("leads", on_behalf_of=lan.id, carried=carried)

        assert [it.field for it in refusal.value.violations] == ["carried"]


class TestLookingThroughARole:
    async def test_it_reads_what_both_may_and_changes_nothing(self, house: Any) -> None:
        secret = (await sign_in(house)).session_secret
        request = pb2.ExchangeSessionRequest(
            session_secret=secret, view_role_id=house.roles["sales"]
        )

        answer = await house.signing_in().ExchangeSession(request)

        principal = await house.principal(answer.token, "leads")
        assert answer.viewed_as.name == "sales"
        assert principal.level("contacts", "read") is Level.OWN
        assert principal.level("contacts", "write") is Level.NONE
        assert principal.level("campaigns", "read") is Level.NONE
        assert {it.action for it in answer.rights} == {"read"}

    async def test_what_the_role_hides_is_hidden(self, house: Any) -> None:
        role = Role(name="Telesales", hidden_fields=["contacts.phones"])
        made = await house.users().CreateRole(user_service_pb2.CreateRoleRequest(role=role))
        secret = (await sign_in(house)).session_secret
        request = pb2.ExchangeSessionRequest(session_secret=secret, view_role_id=made.id)

        answer = await house.signing_in().ExchangeSession(request)

        assert list(answer.hidden_fields) == ["contacts.phones"]
        assert (await house.principal(answer.token, "leads")).hidden == {"contacts.phones"}

    async def test_without_one_everything_is_as_it_was(self, house: Any) -> None:
        answer = await exchange(house, (await sign_in(house)).session_secret)

        assert not answer.HasField("viewed_as")

    @pytest.mark.parametrize("role_id", [NOBODYS, "rubbish"])
    async def test_a_role_that_is_not_there_is_missing(self, house: Any, role_id: str) -> None:
        secret = (await sign_in(house)).session_secret

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.signing_in().ExchangeSession(
                pb2.ExchangeSessionRequest(session_secret=secret, view_role_id=role_id)
            )
