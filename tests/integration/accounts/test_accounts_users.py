"""Users, teams, roles and programs."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import user_pb2
from crm.accounts.v1 import user_service_pb2 as pb2
from crm.accounts.v1.user_pb2 import User
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
