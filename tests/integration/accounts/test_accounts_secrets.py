"""Programs' secrets over time: rotated, used, guessed; and tokens with less than all rights."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import grpc
import pytest
from crm.accounts.v1 import session_service_pb2, user_pb2
from crm.accounts.v1 import user_service_pb2 as pb2
from crm.accounts.v1.user_pb2 import Right
from google.protobuf.duration_pb2 import Duration

from chassis import errors
from chassis.context import Level, Principal
from tests.integration.accounts.conftest import SECRET
from tests.integration.serving import refused

ALL, OWN = user_pb2.LEVEL_ALL, user_pb2.LEVEL_OWN
READ = Right(resource="contacts", action="read", level=ALL)


async def rotated(house: Any, client_id: str, **more: Any) -> user_pb2.ApiClient:
    request = pb2.RotateApiClientSecretRequest(id=client_id, **more)
    answer: user_pb2.ApiClient = await house.clients().RotateApiClientSecret(request)
    return answer


async def token(house: Any, client_id: str, secret: str, scope: str = "") -> Any:
    request = session_service_pb2.IssueTokenRequest(
        client_id=client_id, client_secret=secret, audience=["leads"], scope=scope
    )
    return await house.tokens().IssueToken(request)


async def known(house: Any, client_id: str) -> user_pb2.ApiClient:
    answer = await house.clients().GetApiClient(pb2.GetApiClientRequest(id=client_id))
    client: user_pb2.ApiClient = answer
    return client


class TestRotation:
    async def test_both_secrets_are_good_until_the_old_one_ends(self, house: Any) -> None:
        first = await house.add_client(READ)
        await token(house, first.id, first.secret)

        second = await rotated(house, first.id)

        await token(house, first.id, second.secret)
        await token(house, first.id, first.secret)
        newest, old = (await known(house, first.id)).secrets
        lasts = old.expire_time.ToSeconds() - newest.create_time.ToSeconds()
        assert second.secret not in ("", first.secret)
        assert lasts == 24 * 3600
        assert not newest.HasField("expire_time")
        assert newest.last_use_time.seconds
        assert old.last_use_time.seconds

    async def test_the_old_one_can_be_ended_at_once(self, house: Any) -> None:
        first = await house.add_client(READ)

        second = await rotated(house, first.id, old_secret_lifetime=Duration())

        assert len(second.secrets) == 1
        await token(house, first.id, second.secret)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await token(house, first.id, first.secret)

    async def test_one_that_the_release_before_made_is_good_and_as_old_as_its_client(
        self, house: Any
    ) -> None:
        first = await house.add_client(READ)
        await house.sql("UPDATE api_clients SET secret_create_time = NULL")

        await token(house, first.id, first.secret)

        (secret,) = (await known(house, first.id)).secrets
        assert secret.create_time == first.create_time

    @pytest.mark.parametrize("seconds", [-1, 30 * 86_400 + 1])
    async def test_it_cannot_live_on_longer_than_a_month(self, house: Any, seconds: int) -> None:
        first = await house.add_client(READ)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await rotated(house, first.id, old_secret_lifetime=Duration(seconds=seconds))

        assert refusal.fields() == ["old_secret_lifetime"]

    async def test_a_second_call_with_the_same_etag_does_not_rotate_again(self, house: Any) -> None:
        first = await house.add_client(READ)
        await rotated(house, first.id, etag=first.etag)

        with refused(errors.Aborted, "ETAG_STALE"):
            await rotated(house, first.id, etag=first.etag)

    async def test_who_has_less_than_the_client_cannot_get_its_secret(self, house: Any) -> None:
        first = await house.add_client(READ)
        lesser = Principal(house.admin_id, "user", rights={"api_clients": {"write": "all"}})

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            request = pb2.RotateApiClientSecretRequest(id=first.id)
            await house.clients(lesser).RotateApiClientSecret(request)

    async def test_one_that_was_revoked_or_never_was_cannot(self, house: Any) -> None:
        first = await house.add_client(READ)
        await house.clients().RevokeApiClient(pb2.RevokeApiClientRequest(id=first.id))

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await rotated(house, first.id)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await rotated(house, str(uuid4()))

    async def test_each_change_is_audited_without_any_secret(self, house: Any) -> None:
        first = await house.add_client(READ)
        second = await rotated(house, first.id)
        await house.clients().RevokeApiClient(pb2.RevokeApiClientRequest(id=first.id))

        deeds = [it for it in await house.deeds() if it.startswith("api_client.")]
        assert deeds == ["api_client.create", "api_client.rotate_secret", "api_client.revoke"]
        rows = await house.sql("SELECT payload FROM outbox WHERE class = 'audit'")
        told = b"".join(bytes(row.payload) for row in rows)
        assert first.secret.encode() not in told
        assert second.secret.encode() not in told


class TestScope:
    async def test_a_token_has_what_was_asked_for_and_the_answer_says_so(self, house: Any) -> None:
        write = Right(resource="contacts", action="write", level=ALL)
        client = await house.add_client(READ, write)

        less = await token(house, client.id, client.secret, "contacts.read:own")
        everything = await token(house, client.id, client.secret)

        who = await house.principal(less.token, "leads")
        assert less.scope == "contacts.read:own"
        assert everything.scope == "contacts.read:all contacts.write:all"
        assert who.level("contacts", "read") is Level.OWN
        assert who.level("contacts", "write") is Level.NONE

    @pytest.mark.parametrize("scope", ["contacts.delete", "contacts.fly", "audit.read"])
    async def test_more_or_unknown_is_refused(self, house: Any, scope: str) -> None:
        client = await house.add_client(READ)

        with refused(errors.InvalidArgument, "SCOPE_INVALID") as refusal:
            await token(house, client.id, client.secret, scope)

        assert refusal.fields() == ["scope"]

    async def test_a_service_of_the_house_has_none(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "SCOPE_INVALID"):
            await token(house, "leads", SECRET, "contacts.read")


class TestWrongSecrets:
    async def _answers(self, house: Any, client_id: str) -> Sequence[str]:
        """Guesses six times, the last while a wait that began with the fifth goes on."""
        told = []
        for guess in range(6):
            if guess == 5:
                await house.hold()
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await token(house, client_id, "guessed")
            told.append(f"{refusal.value.code().name} {refusal.value.details()}")
        return told

    async def test_they_are_slowed_alike_whether_the_client_exists_or_not(self, house: Any) -> None:
        client = await house.add_client(READ)

        there = await self._answers(house, client.id)
        nowhere = await self._answers(house, str(uuid4()))

        assert there == nowhere
        assert [it.split()[0] for it in there] == [*["UNAUTHENTICATED"] * 5, "RESOURCE_EXHAUSTED"]

    async def test_who_guesses_shuts_nobody_out(self, house: Any) -> None:
        client = await house.add_client(READ)
        await self._answers(house, client.id)

        assert (await token(house, client.id, client.secret)).token
        with refused(errors.ResourceExhausted, "RATE_LIMITED") as refusal:
            await token(house, client.id.upper(), "guessed")
        assert refusal.error.retry_after_seconds is not None
