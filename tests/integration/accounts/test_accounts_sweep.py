"""What ended by time goes, and what still counts stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.accounts import workers

_ADD = {
    "sign_in_challenges": """
        INSERT INTO sign_in_challenges (secret_hash, user_id, expire_time)
        VALUES (:hash, :user, now() + CAST(:left AS interval))
    """,
    "password_links": """
        INSERT INTO password_links (id, user_id, kind, secret_hash, expire_time)
        VALUES (gen_random_uuid(), :user, 'reset', :hash, now() + CAST(:left AS interval))
    """,
    "password_letters": """
        INSERT INTO password_letters (id, kind, recipient, state, create_time)
        VALUES (gen_random_uuid(), 'reset', CAST(:hash AS text), 'handed_over',
                now() - interval '30 days' + CAST(:left AS interval))
    """,
    "contact_letters": """
        INSERT INTO contact_letters (id, kind, recipient, state, create_time)
        VALUES (gen_random_uuid(), 'code', CAST(:hash AS text), 'handed_over',
                now() - interval '30 days' + CAST(:left AS interval))
    """,
    "contact_sessions": """
        INSERT INTO contact_sessions
            (id, login_id, secret_hash, proof, user_agent, ip, expire_time)
        VALUES (gen_random_uuid(), :user, :hash, 'code', '', '', now() + CAST(:left AS interval))
    """,
    "contact_invitations": """
        INSERT INTO contact_invitations (id, login_id, secret_hash, expire_time)
        VALUES (gen_random_uuid(), :user, :hash, now() + CAST(:left AS interval))
    """,
}


async def login_of(house: Any, user_id: str) -> None:
    """Adds a customer's login with a user's id, so that both have the same rows."""
    await house.sql(
        "INSERT INTO contact_logins (id, revision, contact_id, display_name, name_key, language,"
        " channel, address, state) VALUES (:id, 1, :id, 'x', 'x', 'vi', 1, 'x', 'active')",
        id=UUID(user_id),
    )


async def begun(house: Any, user_id: str, ago: timedelta) -> None:
    await house.sql(
        "INSERT INTO second_factors (user_id, sealed_secret, create_time)"
        " VALUES (:user, '', now() - CAST(:ago AS interval))",
        user=UUID(user_id),
        ago=ago,
    )


class TestSweep:
    async def test_each_table_loses_what_has_ended_and_nothing_else(self, house: Any) -> None:
        lan, binh = await house.add("Lan"), await house.add("Binh")
        await login_of(house, lan.id)
        for left, digest in ((timedelta(minutes=1), b"stays"), (timedelta(minutes=-1), b"goes")):
            for statement in _ADD.values():
                given = {"user": UUID(lan.id), "hash": digest, "left": left}
                await house.sql(
                    statement, **{k: v for k, v in given.items() if f":{k}" in statement}
                )
        await begun(house, lan.id, timedelta(minutes=59))
        await begun(house, binh.id, timedelta(minutes=61))

        await workers._sweep(house.sessions, timedelta(hours=2))

        for table in _ADD:
            (left,) = await house.sql(f"SELECT t::text AS row FROM {table} t")  # noqa: S608
            assert b"stays".hex() in left.row or "stays" in left.row
        (factor,) = await house.sql("SELECT user_id FROM second_factors")
        assert str(factor.user_id) == lan.id

    async def test_a_factor_that_counts_and_a_letter_that_waits_stay_however_old(
        self, house: Any
    ) -> None:
        lan = await house.add("Lan")
        await begun(house, lan.id, timedelta(days=900))
        await house.sql("UPDATE second_factors SET confirm_time = now()")
        await house.sql(
            "INSERT INTO password_letters (id, kind, recipient, create_time)"
            " VALUES (gen_random_uuid(), 'reset', 'x', now() - interval '40 days')"
        )

        await workers._sweep(house.sessions, timedelta(hours=2))

        for table in ("second_factors", "password_letters"):
            assert len(await house.sql(f"SELECT 1 FROM {table}")) == 1  # noqa: S608

    async def test_a_code_and_a_deletion_go_when_they_are_of_no_use(self, house: Any) -> None:
        lan = await house.add("Lan")
        await login_of(house, lan.id)
        await house.sql(
            "INSERT INTO contact_browser_codes (login_id, browser_hash, id, code_hash, expire_time)"
            " VALUES (:id, '', :id, '', now())",
            id=UUID(lan.id),
        )
        await house.sql(
            "INSERT INTO deleted_contacts SELECT gen_random_uuid(), now() - CAST(ago AS interval)"
            " FROM unnest(ARRAY['29 days', '31 days']) AS ago"
        )

        await workers._sweep(house.sessions, timedelta(hours=2))

        assert await house.sql("SELECT 1 FROM contact_browser_codes") == []
        assert len(await house.sql("SELECT 1 FROM deleted_contacts")) == 1
