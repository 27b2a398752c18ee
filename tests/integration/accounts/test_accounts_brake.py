"""Too many failures of all together slow those who are not known, and nobody else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from crm.accounts.v1 import session_service_pb2 as pb2
from crm.accounts.v1 import user_service_pb2
from sqlalchemy import text

from chassis import db, errors
from chassis.context import Principal
from services.accounts import workers
from services.accounts.config import Settings
from services.accounts.storage import sessions as storage
from tests.integration.accounts import login_parts
from tests.integration.accounts.login_parts import Portal
from tests.integration.serving import refused

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.9"
NEAR, NEXT_DOOR = "2001:db8:1:2::7", "2001:db8:1:2:ffff::8"
PASSWORD = "a long password"
STAFF, CUSTOMERS = "everyone", "customers everyone"


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)


async def brake(house: Any, key: str = STAFF) -> None:
    """Have all wait for a minute, as after too many failures."""
    await house.sql(
        "INSERT INTO sign_in_failures VALUES (:key, 9999, now(), now() + interval '1 minute')"
        " ON CONFLICT (key) DO UPDATE SET failures = 9999, last_time = now(),"
        " blocked_until = excluded.blocked_until",
        key=key,
    )


async def sign_in(house: Any, email: str, ip: str, password: str = PASSWORD) -> Any:
    return await house.signing_in().SignIn(
        pb2.SignInRequest(email=email, password=password, ip=ip, user_agent="Firefox")
    )


class TestCounting:
    async def test_what_is_forgotten_while_it_is_waited_for_is_counted_anew(
        self, house: Any, sessions: db.Sessions
    ) -> None:
        await house.sql("INSERT INTO sign_in_failures VALUES ('x', 1, now(), now())")

        async def lock() -> Any:
            async with sessions.begin() as session:
                return await storage.lock_failures(session, ["x", "y"])

        async with sessions.begin() as forgetting, asyncio.timeout(20):
            await forgetting.execute(text("DELETE FROM sign_in_failures WHERE key = 'x'"))
            waiting = asyncio.create_task(lock())
            blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"
            while not await house.sql(blocked):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        _, known = await waiting

        assert {key: it.failures for key, it in known.items()} == {"x": 0, "y": 0}


class TestStaff:
    async def test_who_signed_in_from_there_before_still_does(self, house: Any) -> None:
        lan = await house.add("Lan")
        await sign_in(house, lan.email, HERE)
        await brake(house)

        assert (await sign_in(house, lan.email, HERE)).session_secret
        with refused(errors.ResourceExhausted, "RATE_LIMITED") as refusal:
            await sign_in(house, lan.email, ELSEWHERE)
        assert 0 < refusal.error.retry_after_seconds <= 60

    async def test_anywhere_in_the_same_network_of_ipv6(self, house: Any) -> None:
        lan = await house.add("Lan")
        await sign_in(house, lan.email, NEAR)
        await brake(house)

        assert (await sign_in(house, lan.email, NEXT_DOOR)).session_secret

    @pytest.mark.parametrize("email", ["binh@mekong.example", "nobody@mekong.example"])
    async def test_whoever_is_not_known_there_waits_whether_there_is_such_an_account(
        self, house: Any, email: str
    ) -> None:
        lan = await house.add("Lan")
        await house.add("Binh")
        await sign_in(house, lan.email, HERE)
        await brake(house)

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await sign_in(house, email, HERE)

    async def test_a_wrong_password_makes_nothing_known(self, house: Any) -> None:
        lan = await house.add("Lan")
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await sign_in(house, lan.email, HERE, "a wrong password")
        await brake(house)

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await sign_in(house, lan.email, HERE)

    async def test_who_is_known_there_still_waits_for_their_own_failures(self, house: Any) -> None:
        lan = await house.add("Lan")
        await sign_in(house, lan.email, HERE)
        await brake(house)
        for _ in range(5):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await sign_in(house, lan.email, HERE, "a wrong password")
        await house.hold()

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await sign_in(house, lan.email, HERE)

    async def test_who_is_signed_in_goes_on(self, house: Any) -> None:
        lan = await house.add("Lan")
        made = await sign_in(house, lan.email, HERE)
        await brake(house)
        me = house.users(Principal(lan.id, "user"), sid=made.session.id)

        await me.SetPassword(
            user_service_pb2.SetPasswordRequest(
                id="me", old_password=PASSWORD, new_password="another long one"
            )
        )

        request = pb2.ExchangeSessionRequest(session_secret=made.session_secret)
        assert (await house.signing_in().ExchangeSession(request)).token

    async def test_a_place_is_forgotten_after_a_month_without_it(self, house: Any) -> None:
        lan = await house.add("Lan")
        for ip, days in ((HERE, 29), (ELSEWHERE, 31)):
            await sign_in(house, lan.email, ip)
            await house.sql(
                "UPDATE sign_in_failures SET last_time = now() - make_interval(days => :days)"
                " WHERE key LIKE 'known %' AND last_time > now() - interval '1 day'",
                days=days,
            )

        await workers._sweep(house.sessions, timedelta(hours=2))
        await brake(house)

        assert (await sign_in(house, lan.email, HERE)).session_secret
        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await sign_in(house, lan.email, ELSEWHERE)


class TestApart:
    async def test_customers_who_fail_hold_up_no_staff(self, house: Any, portal: Portal) -> None:
        lan, customer = await house.add("Lan"), await portal.add("Hoa")
        for number in range(25):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(f"n{number}@example.vn", password="wrong", ip=HERE)
            await house.sql("UPDATE sign_in_failures SET blocked_until = now()")
        await house.sql("UPDATE sign_in_failures SET blocked_until = now() + interval '9 minutes'")
        await brake(house, CUSTOMERS)

        assert (await sign_in(house, lan.email, HERE)).session_secret
        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await portal.sign_in(customer.address, password="wrong", ip=HERE)

    async def test_nor_staff_customers(self, house: Any, portal: Portal) -> None:
        customer = await portal.add("Hoa")
        code = await portal.code(customer.address)
        await brake(house)

        assert (await portal.sign_in(customer.address, code=code)).session_secret

    async def test_a_customer_who_is_known_there_gets_a_code_and_in(
        self, house: Any, portal: Portal
    ) -> None:
        customer, other = await portal.add("Hoa"), await portal.add("Mai")
        code = await portal.code(customer.address)
        await portal.sign_in(customer.address, code=code)
        await brake(house, CUSTOMERS)
        await brake(house, "codes")

        code = await portal.code(customer.address)
        assert (await portal.sign_in(customer.address, code=code)).session_secret
        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await portal.ask(other.address)
