"""Programs that call: their secrets, rights and end."""

import json
from typing import Any
from uuid import uuid4

from crm.accounts.v1 import session_service_pb2, user_pb2
from crm.accounts.v1 import user_service_pb2 as pb2
from crm.accounts.v1.user_pb2 import Right
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from joserfc import jws

from chassis import errors
from chassis.context import Level, Principal
from tests.integration.serving import refused

ALL, OWN = user_pb2.LEVEL_ALL, user_pb2.LEVEL_OWN


async def created(house: Any, name: str, **more: Any) -> user_pb2.ApiClient:
    given = user_pb2.ApiClient(name=name, **more)
    answer = await house.clients().CreateApiClient(pb2.CreateApiClientRequest(api_client=given))
    made: user_pb2.ApiClient = answer
    return made


class TestApiClients:
    async def test_the_secret_is_shown_once_and_gives_a_token_with_the_clients_rights(
        self, house: Any
    ) -> None:
        rights = [Right(resource="contacts", action="write", level=ALL)]
        given = user_pb2.ApiClient(name="Web shop", rights=rights)
        made = await house.clients().CreateApiClient(pb2.CreateApiClientRequest(api_client=given))
        listed = await house.clients().ListApiClients(pb2.ListApiClientsRequest())

        request = session_service_pb2.IssueTokenRequest(
            client_id=made.id, client_secret=made.secret, audience=["leads"]
        )
        answer = await house.tokens().IssueToken(request)

        who = await house.principal(answer.token, "leads")
        assert (who.subject, who.kind) == (made.id, "client")
        assert who.level("contacts", "write") is Level.ALL
        assert who.level("contacts", "read") is Level.NONE
        assert [client.secret for client in listed.api_clients] == [""]

    async def test_a_revoked_an_expired_and_a_wrong_one_get_no_token(self, house: Any) -> None:
        async def create(**more: Any) -> user_pb2.ApiClient:
            given = user_pb2.ApiClient(name="Shop", **more)
            request = pb2.CreateApiClientRequest(api_client=given)
            made: user_pb2.ApiClient = await house.clients().CreateApiClient(request)
            return made

        revoked, expired = await create(), await create(expire_time=Timestamp(seconds=1))
        wrong = await create()
        wrong.secret = "guessed"
        for _ in range(2):
            request = pb2.RevokeApiClientRequest(id=revoked.id)
            assert not (await house.clients().RevokeApiClient(request)).active

        for client in (revoked, expired, wrong):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                proof = session_service_pb2.IssueTokenRequest(
                    client_id=client.id, client_secret=client.secret
                )
                await house.tokens().IssueToken(proof)

    async def test_it_can_do_no_more_than_who_made_it(self, house: Any) -> None:
        maker = Principal(house.admin_id, "user", rights={"api_clients": {"write": "all"}})
        rights = [Right(resource="contacts", action="read", level=OWN)]

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            given = user_pb2.ApiClient(name="Shop", rights=rights)
            await house.clients(maker).CreateApiClient(pb2.CreateApiClientRequest(api_client=given))

    async def test_an_unknown_one_cannot_be_revoked(self, house: Any) -> None:
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            request = pb2.RevokeApiClientRequest(id=str(uuid4()))
            await house.clients().RevokeApiClient(request)

    async def test_it_is_changed_by_a_mask_and_not_over_a_newer_one(self, house: Any) -> None:
        rights = [Right(resource="contacts", action="read", level=ALL)]
        made = await created(house, "Web shop", rights=rights, expire_time=Timestamp(seconds=2**32))
        changed = user_pb2.ApiClient(id=made.id, etag=made.etag, name="Cửa hàng", rights=rights[:0])
        mask = FieldMask(paths=["name", "requests_per_minute", "expire_time"])
        changed.requests_per_minute = 90

        now = await house.clients().UpdateApiClient(
            pb2.UpdateApiClientRequest(api_client=changed, update_mask=mask)
        )

        assert (now.name, now.requests_per_minute, now.secret) == ("Cửa hàng", 90, "")
        assert not now.HasField("expire_time")
        assert [it.resource for it in now.rights] == ["contacts"]
        assert now.etag != made.etag
        with refused(errors.Aborted, "ETAG_STALE"):
            await house.clients().UpdateApiClient(
                pb2.UpdateApiClientRequest(api_client=changed, update_mask=mask)
            )

    async def test_it_cannot_be_given_more_than_its_changer_has(self, house: Any) -> None:
        rights = {"api_clients": {"write": "all"}, "contacts": {"read": "all"}}
        changer = Principal(house.admin_id, "user", rights=rights)
        read = Right(resource="contacts", action="read", level=ALL)
        write = Right(resource="contacts", action="write", level=ALL)
        made = await created(house, "Shop", rights=[read])
        stronger = await created(house, "Till", rights=[read, write])

        for client, name in ((made, ""), (stronger, "Renamed")):
            given = user_pb2.ApiClient(id=client.id, name=name, rights=[write])
            mask = FieldMask(paths=["name"] if name else ["rights"])
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await house.clients(changer).UpdateApiClient(
                    pb2.UpdateApiClientRequest(api_client=given, update_mask=mask)
                )

    async def test_each_field_that_cannot_be_is_named(self, house: Any) -> None:
        given = user_pb2.ApiClient(
            requests_per_minute=-1, expire_time=Timestamp(seconds=2**50), rights=[Right()]
        )

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.clients().CreateApiClient(pb2.CreateApiClientRequest(api_client=given))

        named = {field.removeprefix("api_client.") for field in refusal.fields()}
        assert {"name", "requests_per_minute", "expire_time", "rights[0].level"} <= named

    async def test_its_own_limit_is_in_its_token(self, house: Any) -> None:
        made = await created(house, "Shop", requests_per_minute=90)
        request = session_service_pb2.IssueTokenRequest(
            client_id=made.id, client_secret=made.secret
        )

        answer = await house.tokens().IssueToken(request)

        claims = jws.extract_compact(answer.token.encode()).payload
        assert json.loads(claims)["rpm"] == 90


class TestList:
    async def test_it_finds_by_name_state_end_and_use(self, house: Any) -> None:
        shop = await created(house, "Cửa hàng Huế", expire_time=Timestamp(seconds=2**31))
        old = await created(house, "Máy cũ", expire_time=Timestamp(seconds=1))
        ended = await created(house, "Kho")
        await house.clients().RevokeApiClient(pb2.RevokeApiClientRequest(id=ended.id))
        proof = session_service_pb2.IssueTokenRequest(client_id=shop.id, client_secret=shop.secret)
        await house.tokens().IssueToken(proof)

        async def found(**wanted: Any) -> list[str]:
            answer = await house.clients().ListApiClients(pb2.ListApiClientsRequest(**wanted))
            return [it.name for it in answer.api_clients]

        assert await found() == ["Cửa hàng Huế", "Kho", "Máy cũ"]
        assert await found(query="HUE") == [shop.name]
        assert await found(query="%") == []
        assert await found(state=user_pb2.API_CLIENT_STATE_ACTIVE) == [shop.name]
        assert await found(state=user_pb2.API_CLIENT_STATE_EXPIRED) == [old.name]
        assert await found(state=user_pb2.API_CLIENT_STATE_REVOKED) == ["Kho"]
        assert await found(unused_since=shop.create_time) == ["Kho", "Máy cũ"]
        assert await found(expires_before=shop.create_time) == [old.name]

    async def test_a_page_goes_on_with_its_own_filter_only(self, house: Any) -> None:
        for name in ("A", "B", "C"):
            await created(house, name)
        first = await house.clients().ListApiClients(pb2.ListApiClientsRequest(page_size=2))
        token = first.next_page_token

        rest = await house.clients().ListApiClients(pb2.ListApiClientsRequest(page_token=token))

        assert [it.name for it in (*first.api_clients, *rest.api_clients)] == ["A", "B", "C"]
        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await house.clients().ListApiClients(
                pb2.ListApiClientsRequest(page_token=token, query="A")
            )

    async def test_a_query_longer_than_any_name_is_refused(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.clients().ListApiClients(pb2.ListApiClientsRequest(query="x" * 81))

        assert refusal.fields() == ["query"]
