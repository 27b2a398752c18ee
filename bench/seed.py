"""People by the million, put into the tables of leads by SQL: imports are measured apart.

What is written is what an import of a file would write: contacts, the addresses they are found
by, and consents to care by e-mail. One in fifty gave none and one in fifty has the address of
another, as files have it. Everything is invented, and ends in `.example`.
"""

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import LiteralString

import psycopg

from local.demo import job
from local.demo.api import Api
from local.running import House

_SLICE = 100_000


async def segments(running: House, api: Api, sizes: Sequence[int]) -> dict[int, str]:
    """Put as many people into leads as the greatest size says; return a segment of each size.

    Smaller segments are the first people of the greater ones.
    """
    advertiser_id, _ = await job.sender(api, "EMAIL")
    mark = uuid.uuid4().hex[:8]
    tags = {size: f"bench-{mark}-{size}" for size in sizes}
    await asyncio.to_thread(_fill, database(running, "leads"), advertiser_id, tags)
    return {size: await _segment(api, tag) for size, tag in tags.items()}


async def _segment(api: Api, tag: str) -> str:
    definition = {"conditions": [{"tag": {"tags": [tag]}}]}
    made = await api.post("/segments", {"name": tag, "definition": definition})
    return str(made["id"])


def _fill(url: str, advertiser_id: str, tags: Mapping[int, str]) -> None:
    people = max(tags)
    with psycopg.connect(url, autocommit=True) as connection:
        with filling(connection, "contacts"):
            for start in range(0, people, _SLICE):
                given = {
                    "first": start,
                    "people": min(_SLICE, people - start),
                    "sizes": list(tags),
                    "tags": list(tags.values()),
                    "advertiser": advertiser_id,
                }
                connection.execute(_FILL, given)
        connection.execute("VACUUM ANALYZE consent_states")


@contextmanager
def filling(connection: psycopg.Connection, *tables: str) -> Iterator[None]:
    """Take the indexes of tables away but unique ones, and build them anew after the block.

    To fill them row by row would take longer than what is measured.
    """
    connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '256MB'")
    indexes = connection.execute(_INDEXES, {"tables": list(tables)}).fetchall()
    _run(connection, [f"DROP INDEX {name}" for name, _ in indexes])
    yield
    _run(connection, [definition for _, definition in indexes])
    _run(connection, [f"VACUUM ANALYZE {table}" for table in tables])


def database(running: House, service: str) -> str:
    """Return where a service's database is, as psycopg takes it."""
    url: str = running.state["databases"][service]
    return url.replace("+psycopg", "")


def number(connection: psycopg.Connection, query: LiteralString) -> int:
    """Return the one number that a query has."""
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _run(connection: psycopg.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement)


_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename = ANY (%(tables)s) AND indexdef NOT LIKE 'CREATE UNIQUE%%'
"""
# Numbers go on from one slice to the next, so that addresses and codes are never used twice; the
# ids are in the order of their making, as UUIDv7 are.
_FILL = """
    WITH numbers AS (
        SELECT nextval('reference_codes') AS n, ARRAY(
                   SELECT tag FROM unnest(CAST(%(sizes)s AS int[]), CAST(%(tags)s AS text[]))
                       AS sized (size, tag) WHERE place <= size
               ) AS tags
        FROM generate_series(%(first)s + 1, %(first)s + %(people)s) AS place
    ), people AS (
        SELECT n, tags,
               CAST(lpad(to_hex(1760000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 3)
                    || '8' || substr(md5(n::text), 4, 15) AS uuid) AS id,
               (ARRAY['Anh', 'Chị', 'Ông', 'Bà', 'Bạn'])[1 + n %% 5] AS salutation,
               (ARRAY['Nguyễn', 'Trần', 'Lê', 'Phạm', 'Huỳnh', 'Đặng', 'Bùi'])[1 + n %% 7]
                   AS family,
               (ARRAY['Văn An', 'Thị Bình', 'Minh Châu', 'Quốc Dũng', 'Thu Hà', 'Ngọc Lan',
                      'Gia Khánh', 'Bảo Ngọc', 'Thanh Tùng', 'Kim Yến', 'Đức Anh'])[1 + n %% 11]
                   AS given,
               'khach.' || n - CASE WHEN n %% 50 = 9 THEN 1 ELSE 0 END
                   || '@thu' || (n / 2) %% 50 || '.example' AS email,
               (ARRAY['Thành phố Hà Nội', 'Thành phố Hồ Chí Minh', 'Thành phố Cần Thơ',
                      'Thành phố Đà Nẵng', 'Tỉnh Lâm Đồng'])[1 + n %% 5] AS province
        FROM numbers
    ), stored AS (
        INSERT INTO contacts (
            id, revision, kind, status, reference_code, salutation, family_name, given_name,
            display_name, sort_key, search_text, emails, email, email_key,
            gender, birth_year, birth_month, birth_day, street, ward, province, country_code,
            locale, time_zone, region, source_id, tags, create_time, update_time
        )
        SELECT id, 1, 1, 1, 'B' || n, salutation, family, given,
               family || ' ' || given, lower(given || ' ' || family),
               fold(family || ' ' || given) || ' ' || email,
               jsonb_build_array(jsonb_build_object('address', email)), email, email,
               1, 1960 + n %% 45, 1 + n %% 12, 1 + n %% 28, n %% 300 || ' Hai Bà Trưng',
               'Phường ' || n %% 30, province, 'VN', 'vi', 'Asia/Ho_Chi_Minh', 'vn',
               CAST('01980000-0000-7000-8000-000000000004' AS uuid), tags, now(), now()
        FROM people
    ), found_by AS (
        INSERT INTO contact_addresses (channel, key, contact_id)
        SELECT 2, email, id FROM people
    ), said AS (
        INSERT INTO consent_entries (contact_id, record_time, id, advertiser_id, purposes, channels,
                                     action, time, method, evidence, actor)
        SELECT id, now(), id, CAST(%(advertiser)s AS uuid), 6, 4, 1, now(), 'file', 'row ' || n, ''
        FROM people WHERE n %% 50 <> 3
    )
    INSERT INTO consent_states (contact_id, advertiser_id, given)
    SELECT id, CAST(%(advertiser)s AS uuid), 6 << 8 FROM people WHERE n %% 50 <> 3
"""
