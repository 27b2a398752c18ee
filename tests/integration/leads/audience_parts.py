"""Audiences, frozen and streamed as campaigns do."""

import uuid
from typing import Any

from crm.leads.v1 import audience_pb2
from crm.leads.v1 import audience_service_pb2 as pb
from sqlalchemy import text

from tests.integration.leads.conftest import ADVERTISER, Leads

SMS, EMAIL = 1, 2
MARKETING, CARE, TRANSACTIONAL = 1, 2, 3


def view(**fields: Any) -> pb.AudienceView:
    values: dict[str, Any] = {
        "channel": EMAIL,
        "purpose": MARKETING,
        "advertiser_id": ADVERTISER,
        **fields,
    }
    return pb.AudienceView(**values)


async def freeze(leads: Leads, run_id: str = "", **query: Any) -> audience_pb2.Audience:
    request = pb.FreezeAudienceRequest(
        run_id=run_id or str(uuid.uuid4()), query=pb.AudienceQuery(**query)
    )
    made: audience_pb2.Audience = await leads.audiences.FreezeAudience(request)
    return made


async def stream(
    leads: Leads, run_id: str, after: int = 0, **fields: Any
) -> list[audience_pb2.AudienceMember]:
    request = pb.StreamAudienceRequest(run_id=run_id, view=view(**fields), after_ordinal=after)
    return [
        member
        async for batch in leads.audiences.StreamAudience(request)
        for member in people(batch)
    ]


def people(batch: pb.StreamAudienceResponse) -> list[audience_pb2.AudienceMember]:
    """Return the columns of a batch as the people they are of."""
    size = len(batch.marks)
    assert len(batch.contact_ids) == 16 * size
    texts = ("addresses", "address_keys", "time_zones", "locales", "regions")
    columns = [getattr(batch, it).decode().split("\0") for it in texts]
    values = [it.decode().split("\0") for it in batch.values]
    return [
        audience_pb2.AudienceMember(
            ordinal=batch.first_ordinal + place,
            contact_id=batch.contact_ids[16 * place : 16 * (place + 1)],
            address=address,
            address_key=key,
            consented=batch.marks[place] == 1,
            time_zone=zone,
            locale=locale,
            region=region,
            values=[it[place] for it in values],
            gone=batch.marks[place] == 2,
        )
        for place, (address, key, zone, locale, region) in enumerate(zip(*columns, strict=True))
    ]


async def many(leads: Leads, count: int) -> None:
    """Write contacts below the service, for sizes that take too long one by one."""
    async with leads.sessions.begin() as session:
        await session.execute(
            text("""
                INSERT INTO contacts (id, revision, kind, status, reference_code, display_name,
                    sort_key, search_text, email, email_key, locale, time_zone, region,
                    create_time, update_time)
                SELECT gen_random_uuid(), 1, 1, 1, 'N' || n, 'Người ' || n, '', '',
                    n || '@a.example', n || '@a.example', 'vi', 'Asia/Ho_Chi_Minh', 'vn',
                    now(), now()
                FROM generate_series(1, :count) AS n
            """),
            {"count": count},
        )
