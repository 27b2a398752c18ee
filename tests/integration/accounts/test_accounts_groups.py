"""Teams and roles: added, changed, and what a role hides."""

from dataclasses import replace
from typing import Any

from crm.accounts.v1 import user_pb2
from crm.accounts.v1 import user_service_pb2 as pb2
from crm.accounts.v1.user_pb2 import Right
from google.protobuf.field_mask_pb2 import FieldMask

from chassis import errors
from tests.integration.serving import refused

ALL, TEAM, OWN = user_pb2.LEVEL_ALL, user_pb2.LEVEL_TEAM, user_pb2.LEVEL_OWN


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
