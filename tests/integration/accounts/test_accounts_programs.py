"""Programs that call: their secrets, rights and end."""

from typing import Any
from uuid import uuid4

from crm.accounts.v1 import session_service_pb2, user_pb2
from crm.accounts.v1 import user_service_pb2 as pb2
from crm.accounts.v1.user_pb2 import Right
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from chassis.context import Level, Principal
from tests.integration.serving import refused

ALL, OWN = user_pb2.LEVEL_ALL, user_pb2.LEVEL_OWN


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
