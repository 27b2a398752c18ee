"""An upgrade takes addresses out of the keys by which contacts are ordered by name."""

from collections.abc import Callable

from pydantic import SecretStr
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings
from tests.integration.pools import Pools

KEYS = {
    ("", "+84912345678"): "",
    ("", "dao@example.vn"): "",
    ("", "Cty 247"): "kept",
    ("Đào", "+84912345678"): "kept",
}


async def test_keys_of_who_has_a_name_are_kept(
    leads_settings: ServiceSettings, make_database: Callable[[], str], pools: Pools
) -> None:
    url = SecretStr(make_database())
    settings = leads_settings.model_copy(update={"database_url": url})
    db.upgrade(settings, "services.leads", "0005")
    async with pools.open(settings, "upgraded") as sessions:
        async with sessions.begin() as session:
            for given, shown in KEYS:
                await session.execute(_INSERT, {"given": given, "shown": shown})

        db.upgrade(settings, "services.leads")

        async with sessions.begin() as session:
            rows = await session.execute(text("SELECT * FROM contacts"))
            assert {(it.given_name, it.display_name): it.sort_key for it in rows} == KEYS


_INSERT = text("""
    INSERT INTO contacts (id, revision, kind, status, reference_code, given_name, display_name,
        sort_key, search_text, locale, time_zone, region, create_time, update_time)
    VALUES (gen_random_uuid(), 1, 1, 1, gen_random_uuid(), :given, :shown,
        'kept', '', 'vi', 'Asia/Ho_Chi_Minh', 'vn', now(), now())
""")
