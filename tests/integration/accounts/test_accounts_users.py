"""Users, teams, roles and programs."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import user_pb2
from crm.accounts.v1 import user_service_pb2 as pb2
from crm.accounts.v1.user_pb2 import Right, User
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from tests.integration.serving import refused

ALL, TEAM, OWN = user_pb2.LEVEL_ALL, user_pb2.LEVEL_TEAM, user_pb2.LEVEL_OWN


def principal(user: User, **rights: dict[str, str]) -> Principal:
    return Principal(user.id, "user", rights=rights)


async def events(house: Any, subject: str) -> int:
    async with house.sessions.begin() as session:
        query = text("SELECT count(*) FROM outbox WHERE subject = :subject")
        return int(await session.scalar(query, {"subject": subject}))


class TestCreateUser:
    async def test_it_stores_announces_and_audits_the_user(self, house: Any) -> None:
        told = await events(house, "crm.accounts.v1.UserChanged")
        audited = await events(house, "audit.accounts")

        added = await house.add("Trần Thị Bưởi")

        got = await house.users().GetUser(pb2.GetUserRequest(id=added.id))
        assert got == added
        assert (got.revision, got.etag, got.active) == (1, "1", True)
        assert (got.locale, got.time_zone) == ("vi", "Asia/Ho_Chi_Minh")
        assert await events(house, "crm.accounts.v1.UserChanged") == told + 1
        assert await events(house, "audit.accounts") == audited + 1

    async def test_every_bad_field_is_named_at_once(self, house: Any) -> None:
        user = User(email="nobody", time_zone="Mars/Olympus", locale="fr", team_id="x")

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.users().CreateUser(pb2.CreateUserRequest(user=user, password="short"))

        assert set(refusal.fields()) == {
            "user.email",
            "user.display_name",
            "user.role_id",
            "user.team_id",
            "user.locale",
            "user.time_zone",
            "password",
        }

    async def test_an_unknown_role_and_team_are_named(self, house: Any) -> None:
        user = User(email="a@b.vn", display_name="A", role_id=str(uuid4()), team_id=str(uuid4()))

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            request = pb2.CreateUserRequest(user=user, password="a long password")
            await house.users().CreateUser(request)

        assert set(refusal.fields()) == {"user.role_id", "user.team_id"}

    async def test_an_address_that_differs_in_case_only_is_taken(self, house: Any) -> None:
        await house.add("Lan")

        with refused(errors.AlreadyExists, "RESOURCE_EXISTS") as refusal:
            user = User(email="LAN@Mekong.example", display_name="L", role_id=house.roles["sales"])
            request = pb2.CreateUserRequest(user=user, password="a long password")
            await house.users().CreateUser(request)

        assert refusal.error.metadata == {"resource": "user", "field": "email"}

    async def test_the_same_request_id_adds_one_user_however_often_it_comes(
        self, house: Any
    ) -> None:
        user = User(email="once@b.vn", display_name="Once", role_id=house.roles["sales"])
        request = pb2.CreateUserRequest(user=user, password="a long password", request_id="r1")

        answers = await asyncio.gather(*(house.users().CreateUser(request) for _ in range(4)))

        assert len({answer.id for answer in answers}) == 1
        with refused(errors.AlreadyExists, "REQUEST_ID_REUSED"):
            request.user.display_name = "Another"
            await house.users().CreateUser(request)

    async def test_without_the_right_it_is_refused(self, house: Any) -> None:
        seller = principal(await house.add("Seller"), users={"read": "all"})

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.users(seller).CreateUser(pb2.CreateUserRequest())

    async def test_nobody_can_make_a_user_more_powerful_than_oneself(self, house: Any) -> None:
        hr = principal(await house.add("Hr"), users={"read": "all", "write": "all"})
        user = User(email="x@b.vn", display_name="X", role_id=house.roles["admin"])

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            request = pb2.CreateUserRequest(user=user, password="a long password")
            await house.users(hr).CreateUser(request)


class TestGetUser:
    async def test_me_needs_no_right_and_another_does(self, house: Any) -> None:
        lan = await house.add("Lan")
        alone = principal(lan)

        me = await house.users(alone).GetUser(pb2.GetUserRequest(id="me"))

        assert me.id == lan.id
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.users(alone).GetUser(pb2.GetUserRequest(id=house.admin_id))

    @pytest.mark.parametrize("unknown", ["01980000-0000-7000-8000-00000000ffff", "no uuid"])
    async def test_an_unknown_id_is_missing(self, house: Any, unknown: str) -> None:
        with refused(errors.NotFound, "RESOURCE_MISSING") as refusal:
            await house.users().GetUser(pb2.GetUserRequest(id=unknown))

        assert refusal.error.metadata == {"resource": "user", "id": unknown}


class TestListUsers:
    async def test_it_pages_by_name_in_the_order_of_letters(self, house: Any) -> None:
        for name in ("Đào", "Dung", "An", "Ân", "Oanh"):
            await house.add(name)

        names, pages, token = [], 0, ""
        while True:
            request = pb2.ListUsersRequest(page_size=2, page_token=token)
            page = await house.users().ListUsers(request)
            names += [user.display_name for user in page.users]
            pages, token = pages + 1, page.next_page_token
            if not token:
                break

        assert names == ["Administrator", "An", "Ân", "Đào", "Dung", "Oanh"]
        assert pages == 3

    async def test_those_shut_out_show_only_when_asked_for(self, house: Any) -> None:
        gone = await house.add("Gone")
        await house.users().DeactivateUser(pb2.DeactivateUserRequest(id=gone.id))

        usual = await house.users().ListUsers(pb2.ListUsersRequest())
        whole = await house.users().ListUsers(pb2.ListUsersRequest(include_inactive=True))

        assert gone.id not in {user.id for user in usual.users}
        assert gone.id in {user.id for user in whole.users}

    async def test_a_token_of_another_list_is_refused(self, house: Any) -> None:
        await house.add("Lan")
        page = await house.users().ListUsers(pb2.ListUsersRequest(page_size=1))

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            request = pb2.ListTeamsRequest(page_token=page.next_page_token)
            await house.users().ListTeams(request)


class TestUpdateUser:
    async def test_it_changes_the_named_fields_only(self, house: Any) -> None:
        lan = await house.add("Lan")
        change = User(id=lan.id, etag=lan.etag, display_name="Lan Anh", email="no address")

        changed = await house.users().UpdateUser(
            pb2.UpdateUserRequest(user=change, update_mask=FieldMask(paths=["display_name"]))
        )

        assert (changed.display_name, changed.email) == ("Lan Anh", lan.email)
        assert (changed.revision, changed.etag) == (2, "2")

    async def test_a_stale_etag_is_aborted_and_says_the_current_one(self, house: Any) -> None:
        lan = await house.add("Lan")
        await house.users().UpdateUser(
            pb2.UpdateUserRequest(user=User(id=lan.id, display_name="Lan Anh"))
        )

        with refused(errors.Aborted, "ETAG_STALE") as refusal:
            change = User(id=lan.id, etag=lan.etag, display_name="Lan Chi")
            await house.users().UpdateUser(pb2.UpdateUserRequest(user=change))

        assert refusal.error.metadata["etag"] == "2"

    async def test_the_last_administrator_stays_one(self, house: Any) -> None:
        change = User(id=house.admin_id, role_id=house.roles["viewer"])

        with refused(errors.FailedPrecondition, "RESOURCE_IN_USE"):
            await house.users().UpdateUser(pb2.UpdateUserRequest(user=change))
        with refused(errors.FailedPrecondition, "RESOURCE_IN_USE"):
            await house.users().DeactivateUser(pb2.DeactivateUserRequest(id=house.admin_id))

    async def test_an_address_that_is_taken_is_refused(self, house: Any) -> None:
        lan = await house.add("Lan")

        with refused(errors.AlreadyExists, "RESOURCE_EXISTS"):
            change = User(id=lan.id, email="admin@mekong.example")
            await house.users().UpdateUser(pb2.UpdateUserRequest(user=change))


class TestTeams:
    async def test_they_are_listed_by_name_and_unique_by_name(self, house: Any) -> None:
        for name in ("Miền Nam", "Hà Nội"):
            await house.users().CreateTeam(pb2.CreateTeamRequest(team=user_pb2.Team(name=name)))

        listed = await house.users().ListTeams(pb2.ListTeamsRequest())

        assert [team.name for team in listed.teams] == ["Hà Nội", "Miền Nam"]
        with refused(errors.AlreadyExists, "RESOURCE_EXISTS"):
            again = user_pb2.Team(name=" hà nội ")
            await house.users().CreateTeam(pb2.CreateTeamRequest(team=again))
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await house.users().CreateTeam(pb2.CreateTeamRequest())


class TestRoles:
    async def test_the_system_brings_seven_that_cannot_be_changed(self, house: Any) -> None:
        listed = await house.users().ListRoles(pb2.ListRolesRequest())

        assert [role.name for role in listed.roles] == [
            "admin",
            "manager",
            "marketing",
            "operator",
            "sales",
            "support",
            "viewer",
        ]
        assert all(role.builtin for role in listed.roles)
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            change = user_pb2.Role(id=listed.roles[0].id, name="root")
            await house.users().UpdateRole(pb2.UpdateRoleRequest(role=change))

    async def test_one_of_our_own_can_be_added_and_changed(self, house: Any) -> None:
        given = [Right(resource="contacts", action="read", level=TEAM)]
        role = user_pb2.Role(name="Intern", rights=given)
        made = await house.users().CreateRole(pb2.CreateRoleRequest(role=role))
        wider = [*given, Right(resource="notes", action="*", level=OWN)]

        changed = await house.users().UpdateRole(
            pb2.UpdateRoleRequest(role=user_pb2.Role(id=made.id, etag=made.etag, rights=wider))
        )

        assert list(changed.rights) == wider
        assert (changed.name, changed.revision, changed.builtin) == ("Intern", 2, False)
        with refused(errors.Aborted, "ETAG_STALE"):
            stale = user_pb2.Role(id=made.id, etag=made.etag, name="Other")
            await house.users().UpdateRole(pb2.UpdateRoleRequest(role=stale))

    async def test_rights_that_make_no_sense_are_named(self, house: Any) -> None:
        wrong = [
            Right(resource="moon", action="fly", level=ALL),
            Right(resource="contacts", action="read"),
            Right(resource="segments", action="read", level=TEAM),
        ]

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            role = user_pb2.Role(name="Odd", rights=wrong)
            await house.users().CreateRole(pb2.CreateRoleRequest(role=role))

        assert set(refusal.fields()) == {
            "role.rights[0].resource",
            "role.rights[0].action",
            "role.rights[1].level",
            "role.rights[2].level",
        }


class TestHiddenFields:
    async def test_who_has_the_role_is_told_with_each_token(self, house: Any) -> None:
        role = user_pb2.Role(
            name="Telesales",
            rights=[Right(resource="contacts", action="read", level=ALL)],
            hidden_fields=["contacts.phones", "contacts.emails", "contacts.phones"],
        )
        made = await house.users().CreateRole(pb2.CreateRoleRequest(role=role))
        house.roles["telesales"] = made.id
        user = await house.add("Lan", "telesales")

        token = await house.issue("leads", user.id)

        assert list(made.hidden_fields) == ["contacts.emails", "contacts.phones"]
        principal = await house.principal(token.text, "leads")
        assert principal.hidden == {"contacts.emails", "contacts.phones"}

    async def test_they_can_be_changed(self, house: Any) -> None:
        role = user_pb2.Role(name="Telesales", hidden_fields=["contacts.phones"])
        made = await house.users().CreateRole(pb2.CreateRoleRequest(role=role))
        mask = FieldMask(paths=["hidden_fields"])

        changed = await house.users().UpdateRole(
            pb2.UpdateRoleRequest(role=user_pb2.Role(id=made.id), update_mask=mask)
        )

        assert list(changed.hidden_fields) == []

    async def test_what_cannot_be_hidden_is_named(self, house: Any) -> None:
        role = user_pb2.Role(name="Odd", hidden_fields=["contacts.phones", "contacts.soul"])

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.users().CreateRole(pb2.CreateRoleRequest(role=role))

        assert refusal.fields() == ["role.hidden_fields[1]"]

    async def test_nobody_shows_others_what_is_hidden_from_themselves(self, house: Any) -> None:
        blind = replace(house.admin, hidden=frozenset({"contacts.phones"}))
        open_role = user_pb2.Role(name="Open")
        closed_role = user_pb2.Role(name="Closed", hidden_fields=["contacts.phones"])

        with refused(errors.PermissionDenied, "FIELD_HIDDEN"):
            await house.users(blind).CreateRole(pb2.CreateRoleRequest(role=open_role))
        made = await house.users(blind).CreateRole(pb2.CreateRoleRequest(role=closed_role))
        with refused(errors.PermissionDenied, "FIELD_HIDDEN"):
            await house.users(blind).UpdateRole(
                pb2.UpdateRoleRequest(
                    role=user_pb2.Role(id=made.id),
                    update_mask=FieldMask(paths=["hidden_fields"]),
                )
            )
        with refused(errors.PermissionDenied, "FIELD_HIDDEN"):
            request = pb2.CreateUserRequest(
                user=user_pb2.User(
                    email="x@mekong.example", display_name="X", role_id=house.roles["sales"]
                ),
                password="a long password",
            )
            await house.users(blind).CreateUser(request)
        with refused(errors.PermissionDenied, "FIELD_HIDDEN"):
            client = pb2.CreateApiClientRequest(api_client=user_pb2.ApiClient(name="till"))
            await house.clients(blind).CreateApiClient(client)


class TestATeam:
    async def test_it_is_renamed_once_as_it_was_last_seen(self, house: Any) -> None:
        made = await house.users().CreateTeam(
            pb2.CreateTeamRequest(team=user_pb2.Team(name="Miền Nam"))
        )
        team = user_pb2.Team(id=made.id, etag=made.etag, name="Miền Tây")

        renamed = await house.users().UpdateTeam(pb2.UpdateTeamRequest(team=team))

        assert (renamed.name, renamed.revision) == ("Miền Tây", 2)
        with refused(errors.Aborted, "ETAG_STALE"):
            await house.users().UpdateTeam(pb2.UpdateTeamRequest(team=team))

    async def test_what_is_wrong_is_named(self, house: Any) -> None:
        made, other = [
            await house.users().CreateTeam(pb2.CreateTeamRequest(team=user_pb2.Team(name=name)))
            for name in ("Một", "Hai")
        ]

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            nameless = pb2.UpdateTeamRequest(
                team=user_pb2.Team(id=made.id), update_mask=FieldMask(paths=["name"])
            )
            await house.users().UpdateTeam(nameless)
        assert refusal.fields() == ["team.name"]
        with refused(errors.AlreadyExists, "RESOURCE_EXISTS"):
            taken = user_pb2.Team(id=made.id, name=other.name)
            await house.users().UpdateTeam(pb2.UpdateTeamRequest(team=taken))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            gone = user_pb2.Team(id="0192f3a0-0000-7000-8000-0000000000ff", name="Ba")
            await house.users().UpdateTeam(pb2.UpdateTeamRequest(team=gone))
