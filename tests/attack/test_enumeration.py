"""Neither answers nor the work behind them tell whether there is such an account."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from crm.accounts.v1 import session_service_pb2 as pb2
from crm.accounts.v1 import user_service_pb2
from sqlalchemy import event

from chassis import errors
from services.accounts.usecases.announce import NOBODY
from services.accounts.usecases.passwords import Passwords
from tests.integration.accounts import login_parts
from tests.integration.accounts.conftest import (  # noqa: F401 (fixtures)
    accounts_database,
    house,
    sessions,
    settings,
)
from tests.integration.conftest import not_draining, pools, serve  # noqa: F401 (fixtures)
from tests.integration.serving import refused

WRONG = "a wrong password"


@pytest.fixture
async def people(house: Any) -> list[str]:  # noqa: F811
    """The addresses of somebody, of somebody who was shut out, and of nobody."""
    known, gone = await house.add("Known"), await house.add("Gone")
    await house.users().DeactivateUser(user_service_pb2.DeactivateUserRequest(id=gone.id))
    return [str(known.email), str(gone.email), "nobody@mekong.example"]


@contextmanager
def noted(house: Any) -> Iterator[list[str]]:  # noqa: F811
    """The statements that are made within the block."""
    made: list[str] = []
    engine = house.sessions.kw["bind"].sync_engine

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        made.append(" ".join(statement.split())[:80])

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield made
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def told(house: Any, email: str) -> tuple[str, str, list[str]]:  # noqa: F811
    """What a wrong password is answered with, and the statements that were made meanwhile."""
    with noted(house) as made, refused(errors.Unauthenticated, "SIGN_IN_REFUSED") as refusal:
        request = pb2.SignInRequest(email=email, password=WRONG, ip=email)
        await house.signing_in().SignIn(request)
    return refusal.error.message, str(sorted(refusal.error.metadata)), made


class TestSigningIn:
    async def test_it_is_answered_alike_after_the_same_statements(
        self,
        house: Any,  # noqa: F811
        people: list[str],
    ) -> None:
        answers = [await told(house, email) for email in people]

        assert answers[0] == answers[1] == answers[2]
        assert len(answers[0][2]) > 2

    async def test_what_was_tried_is_in_the_audit_log_whoever_it_was(
        self,
        house: Any,  # noqa: F811
        people: list[str],
    ) -> None:
        before = (await house.deeds()).count("user.sign_in_refused")
        for email in people:
            await told(house, email)

        rows = await house.sql("SELECT key FROM outbox WHERE class = 'audit' ORDER BY id")
        assert (await house.deeds()).count("user.sign_in_refused") == before + 3
        assert rows[-1].key == f"user/{NOBODY}"
        assert "nobody@" not in str(rows)


@pytest.fixture
async def portal(
    house: Any,  # noqa: F811
    sessions: Any,  # noqa: F811
    settings: Any,  # noqa: F811
    serve: Any,  # noqa: F811
) -> login_parts.Portal:
    return await login_parts.portal(house, sessions, settings, serve)


@pytest.fixture
async def customers(portal: login_parts.Portal) -> list[str]:
    """The addresses of a customer who has a code, of one who was disabled, and of nobody."""
    known, gone = await portal.add("Known"), await portal.add("Gone")
    for login in (known, gone):
        await portal.code(login.address)
    await portal.disable(gone)
    return [known.address, gone.address, "nobody@example.vn"]


class TestCustomers:
    @pytest.mark.parametrize(
        "proof", [{"code": "no code"}, {"password": WRONG}], ids=["code", "password"]
    )
    async def test_signing_in_is_answered_alike_after_the_same_statements(
        self,
        house: Any,  # noqa: F811
        portal: login_parts.Portal,
        customers: list[str],
        proof: dict[str, str],
    ) -> None:
        answers = []
        for address in customers:
            with noted(house) as made, refused(errors.Unauthenticated, "SIGN_IN_REFUSED") as said:
                await portal.sign_in(address, ip=address, **proof)
            answers.append((said.error.message, sorted(said.error.metadata), made))

        assert answers[0] == answers[1] == answers[2]
        assert len(answers[0][2]) > 3

    async def test_a_code_is_asked_for_by_the_same_statements(
        self,
        house: Any,  # noqa: F811
        portal: login_parts.Portal,
        customers: list[str],
    ) -> None:
        made = []
        for address in customers:
            with noted(house) as statements:
                await portal.ask(address, ip=address)
            made.append(statements)

        assert made[0] == made[1] == made[2]
        assert len(made[0]) > 2


class TestComparing:
    @pytest.mark.parametrize("kept", [None, "", "hashed"])
    async def test_it_takes_one_hash_whoever_it_is(
        self, kept: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        passwords = Passwords(memory_kib=64, passes=1, threads=1)
        await passwords.check(None, "first")  # what stands for nobody is made once
        hashed = await passwords.hash("another") if kept == "hashed" else kept
        compared: list[str] = []
        verify = passwords._verify
        monkeypatch.setattr(
            passwords, "_verify", lambda kept, text: compared.append(kept) or verify(kept, text)
        )

        assert not await passwords.check(hashed, WRONG)

        assert len(compared) == 1
        assert compared[0].startswith("$argon2id$")
        await passwords.close()
