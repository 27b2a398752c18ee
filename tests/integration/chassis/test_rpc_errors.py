"""An error keeps its meaning from the servicer to the caller, and others keep their secrets."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from sqlalchemy.exc import OperationalError

from chassis import errors
from tests.integration.chassis import rpc_house
from tests.integration.chassis.rpc_house import House

SECRET = "password=hunter2 host=db.internal"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with rpc_house.serve() as served:
        yield served


def raising(error: Exception) -> rpc_house.Behaviour:
    async def behaviour(_: str, __: Any) -> str:
        raise error

    return behaviour


class TestTheFamily:
    @pytest.mark.parametrize(
        "kind",
        [
            errors.NotFound,
            errors.FailedPrecondition,
            errors.AlreadyExists,
            errors.InvalidArgument,
            errors.Aborted,
            errors.PermissionDenied,
            errors.ResourceExhausted,
            errors.Unavailable,
            errors.DeadlineExceeded,
        ],
    )
    async def test_each_member_arrives_as_itself(
        self, house: House, kind: type[errors.Error]
    ) -> None:
        sent = kind(
            "SOME_REASON",
            "some text",
            violations=[errors.FieldViolation("phones[0].number", "not a phone number")],
            retry_after_seconds=1.5,
            state="paused",
        )
        house.echo.behaviour = raising(sent)

        with pytest.raises(errors.Error) as got:
            await house.stub.change(StringValue(value="x"))

        assert type(got.value) is kind
        assert (got.value.reason, got.value.message) == ("SOME_REASON", "some text")
        assert got.value.metadata == {"state": "paused"}
        assert got.value.violations == sent.violations
        assert got.value.retry_after_seconds == 1.5

    async def test_it_arrives_after_the_responses_of_a_stream(self, house: House) -> None:
        house.echo.behaviour = raising(errors.NotFound("AUDIENCE_GONE", "no such audience"))
        received = []

        async def read() -> None:
            async for each in house.stub.watch(StringValue(value="3")):
                received.append(each.value)

        with pytest.raises(errors.NotFound, match="AUDIENCE_GONE"):
            await read()

        assert received == ["0", "1", "2"]


class TestAnythingElse:
    @pytest.mark.parametrize("method", ["change", "watch"])
    async def test_its_text_does_not_leave_the_process(self, house: House, method: str) -> None:
        house.echo.behaviour = raising(RuntimeError(SECRET))

        async def call() -> None:
            if method == "change":
                await house.stub.change(StringValue())
            else:
                _ = [each async for each in house.stub.watch(StringValue(value="0"))]

        with pytest.raises(grpc.aio.AioRpcError) as got:
            await call()

        assert got.value.code() is grpc.StatusCode.INTERNAL
        assert got.value.details() == "internal error"
        assert "hunter2" not in repr(got.value)
        assert "hunter2" not in str(list(got.value.trailing_metadata() or ()))

    async def test_a_database_that_is_away_makes_the_call_unavailable(self, house: House) -> None:
        house.echo.behaviour = raising(OperationalError(SECRET, {}, Exception(SECRET)))

        with pytest.raises(errors.Unavailable) as got:
            await house.stub.change(StringValue(value="x"))

        assert got.value.reason == "DATABASE_AWAY"
        assert "hunter2" not in str(got.value)

    async def test_an_unknown_method_is_unimplemented(self, house: House) -> None:
        async with grpc.aio.insecure_channel(house.address) as channel:
            nothing: Any = channel.unary_unary(f"/{rpc_house.SERVICE}/Nothing")
            with pytest.raises(grpc.aio.AioRpcError) as got:
                await nothing(b"")

        assert got.value.code() is grpc.StatusCode.UNIMPLEMENTED

    async def test_the_server_answers_on_after_a_failure(self, house: House) -> None:
        house.echo.behaviour = raising(RuntimeError(SECRET))
        with pytest.raises(grpc.aio.AioRpcError):
            await house.stub.change(StringValue(value="x"))
        house.echo.behaviour = None

        answer = await house.stub.change(StringValue(value="again"))

        assert answer.value == "again"
