"""Audiences: frozen once, streamed in order from anywhere, divided into parts that sum."""

import asyncio
import uuid
from typing import Any

import pytest
from crm.leads.v1 import audience_pb2, audience_service_pb2, contact_pb2
from crm.leads.v1 import audience_service_pb2 as pb
from crm.leads.v1 import contact_service_pb2 as contact_service
from sqlalchemy import text

from chassis.errors import InvalidArgument, NotFound, PermissionDenied
from tests.integration.leads.conftest import ADVERTISER, ALICE, NOBODY, Leads, user
from tests.integration.leads.test_leads_consents import give, withdraw
from tests.integration.leads.test_leads_segments import EQUALS, create, field, group
from tests.integration.serving import refused

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


async def anybody(leads: Leads, **query: Any) -> bool:
    request = pb.ProbeAudienceRequest(query=pb.AudienceQuery(**query))
    return bool((await leads.audiences.ProbeAudience(request)).anybody)


async def sample(leads: Leads, size: int = 10, **fields: Any) -> pb.SampleAudienceResponse:
    query = fields.pop("query", pb.AudienceQuery())
    request = pb.SampleAudienceRequest(query=query, view=view(**fields), sample_size=size)
    found: pb.SampleAudienceResponse = await leads.audiences.SampleAudience(request)
    parts = found.without_address + found.shared_address + found.without_consent + found.reachable
    assert parts == found.size
    return found


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


class TestFreezing:
    async def test_it_holds_who_was_asked_for(self, leads: Leads) -> None:
        a, b, c, d = [
            await leads.contact(display_name=name, company=name) for name in ("A", "B", "C", "D")
        ]
        customer = await leads.contact(display_name="A", company="A", kind=2)
        is_a = await create(leads, "A", group(field("company", EQUALS, "A")))
        is_b = await create(leads, "B", group(field("company", EQUALS, "B")))

        frozen = await freeze(
            leads,
            kind=contact_pb2.CONTACT_KIND_LEAD,
            segment_ids=[is_a.id],
            contact_ids=[a.id, b.id, d.id],
            definition=group(field("company", EQUALS, "C")),
            excluded_segment_ids=[is_b.id],
        )

        members = await stream(leads, frozen.id)
        assert frozen.size == 3
        assert {str(uuid.UUID(bytes=it.contact_id)) for it in members} == {a.id, c.id, d.id}
        assert customer.id not in members

    async def test_everybody_when_no_part_is_given(self, leads: Leads) -> None:
        await leads.contact()
        await leads.contact(kind=2)

        assert (await freeze(leads)).size == 2
        assert (await freeze(leads, kind=2)).size == 1

    async def test_asked_again_it_is_what_was_frozen_first(self, leads: Leads) -> None:
        await leads.contact()
        first = await freeze(leads)
        await leads.contact()

        again = await freeze(leads, first.id)

        assert again == first
        assert len(await stream(leads, first.id)) == 1

    async def test_twins_freeze_once(self, leads: Leads) -> None:
        await many(leads, 500)
        run_id = str(uuid.uuid4())

        frozen = await asyncio.gather(*(freeze(leads, run_id) for _ in range(4)))

        assert {it.size for it in frozen} == {500}
        assert [it.ordinal for it in await stream(leads, run_id)] == list(range(1, 501))

    async def test_only_what_the_caller_may_read_is_in_it(self, leads: Leads) -> None:
        await leads.contact(owner_ids=[ALICE])
        await leads.contact()

        assert (await freeze(leads.as_(user(ALICE, contacts="own")))).size == 1

    async def test_bad_unknown_and_forbidden_are_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await freeze(leads, "x", segment_ids=["y"], kind=9)
        assert set(refusal.fields()) == {"run_id", "query.segment_ids[0]", "query.kind"}
        with refused(NotFound, "RESOURCE_MISSING"):
            await freeze(leads, segment_ids=[NOBODY])
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await freeze(leads.as_(user(ALICE, segments="all")))


class TestStreaming:
    async def test_ordinals_run_from_one_without_gaps_in_batches(self, leads: Leads) -> None:
        await many(leads, 5_500)
        run = await freeze(leads)

        request = pb.StreamAudienceRequest(run_id=run.id, view=view())
        batches = [len(it.marks) async for it in leads.audiences.StreamAudience(request)]

        assert batches == [1_000, 1_000, 1_000, 1_000, 1_000, 500]
        members = await stream(leads, run.id)
        assert [it.ordinal for it in members] == list(range(1, 5_501))
        assert len({it.contact_id for it in members}) == 5_500

    @pytest.mark.parametrize("after", [1, 999, 4_000, 4_001])
    async def test_it_goes_on_after_any_ordinal(self, leads: Leads, after: int) -> None:
        await many(leads, 4_001)
        run = await freeze(leads)
        whole = await stream(leads, run.id)

        assert await stream(leads, run.id, after) == whole[after:]

    async def test_a_few_of_many_are_the_same_people_as_if_all_were_asked(
        self, leads: Leads
    ) -> None:
        await many(leads, 2_200)
        everybody = await freeze(leads)
        some = [it for it in await stream(leads, everybody.id) if it.address.startswith("2")]
        ids = [str(uuid.UUID(bytes=it.contact_id)) for it in some]
        few = await freeze(leads, contact_ids=ids)
        async with leads.sessions.begin() as session:
            await session.execute(text("ANALYZE contacts"))

        dense, sparse = [await stream(leads, it.id) for it in (everybody, few)]

        reached = {it.contact_id: it.address for it in dense}
        assert [it.ordinal for it in sparse] == list(range(1, len(some) + 1))
        assert {it.contact_id: it.address for it in sparse} == {
            it.contact_id: reached[it.contact_id] for it in some
        }

    async def test_a_person_is_as_now_with_values_in_order(self, leads: Leads) -> None:
        person = await leads.contact(
            display_name="Lê An",
            salutation="Anh",
            email="Le.An@A.example",
            phone="0912345678",
            locale="en",
            time_zone="Asia/Tokyo",
            region="sg",
            birthday=contact_pb2.PartialDate(year=1990, month=3, day=7),
        )
        await give(leads, person.id)
        run = await freeze(leads)

        variables = ["birthday", "salutation", "company", "display_name"]
        (member,) = await stream(leads, run.id, variables=variables)

        assert member == audience_pb2.AudienceMember(
            ordinal=1,
            contact_id=uuid.UUID(person.id).bytes,
            address="Le.An@a.example",
            address_key="le.an@a.example",
            consented=True,
            time_zone="Asia/Tokyo",
            locale="en",
            region="sg",
            values=["07/03/1990", "Anh", "", "Lê An"],
        )
        (by_sms,) = await stream(leads, run.id, channel=SMS)
        assert (by_sms.address, by_sms.address_key) == ("+84912345678", "+84912345678")
        assert (by_sms.consented, list(by_sms.values)) == (False, [])

    async def test_consent_is_needed_to_advertise_and_to_care_only(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")
        await give(leads, person.id, purpose=CARE)
        run = await freeze(leads)

        consented = {
            purpose: (await stream(leads, run.id, purpose=purpose))[0].consented
            for purpose in (MARKETING, CARE, TRANSACTIONAL)
        }
        await withdraw(leads, person.id)

        assert consented == {MARKETING: False, CARE: True, TRANSACTIONAL: True}
        assert not (await stream(leads, run.id, purpose=CARE))[0].consented

    async def test_who_was_deleted_since_is_gone(self, leads: Leads) -> None:
        gone, stays = await leads.contact(email="a@a.example"), await leads.contact()
        run = await freeze(leads)
        await leads.contacts.DeleteContact(contact_service.DeleteContactRequest(id=gone.id))

        members = await stream(leads, run.id, variables=["company"])

        assert [it.gone for it in members] == [True, False]
        assert members[0].address == ""
        assert members[1].contact_id == uuid.UUID(stays.id).bytes

    async def test_who_is_out_of_the_caller_s_reach_is_gone(self, leads: Leads) -> None:
        await leads.contact(email="an@a.example", owner_ids=[ALICE])
        await leads.contact(email="binh@a.example")
        run = await freeze(leads)

        members = await stream(leads.as_(user(ALICE, contacts="own")), run.id)

        assert [(it.address, it.gone) for it in members] == [("an@a.example", False), ("", True)]

    async def test_past_the_end_there_is_nobody(self, leads: Leads) -> None:
        await leads.contact()
        run = await freeze(leads)

        assert await stream(leads, run.id, after=1) == []
        assert await stream(leads, (await freeze(leads, kind=2)).id) == []

    async def test_bad_and_unknown_are_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            bad = {"channel": 0, "purpose": 9, "advertiser_id": "", "variables": ["password"]}
            await stream(leads, NOBODY, -1, **bad)
        assert set(refusal.fields()) == {
            *("view.channel", "view.purpose", "view.advertiser_id"),
            *("view.variables[0]", "after_ordinal"),
        }
        with refused(NotFound, "RESOURCE_MISSING"):
            await stream(leads, NOBODY)


class TestSampling:
    async def test_the_parts_sum_and_show_who_would_get_it(self, leads: Leads) -> None:
        for name, email, consent in (
            ("Được", "a@a.example", True),
            ("Chung", "A@A.example", True),
            ("Chung, không", "a@a.example", False),
            ("Không đồng ý", "b@a.example", False),
            ("Không địa chỉ", None, True),
            ("Cũng được", "c@a.example", True),
        ):
            person = await leads.contact(display_name=name, **({"email": email} if email else {}))
            if consent:
                await give(leads, person.id)

        found = await sample(leads, variables=["display_name"])

        assert found.size == 6
        assert (found.without_address, found.without_consent) == (1, 2)
        assert (found.shared_address, found.reachable) == (1, 2)
        assert [(it.ordinal, it.values[0]) for it in found.sample] == [
            (1, "Được"),
            (2, "Cũng được"),
        ]

    async def test_what_needs_no_consent_counts_nobody_out(self, leads: Leads) -> None:
        await leads.contact(email="a@a.example")

        found = await sample(leads, purpose=TRANSACTIONAL)

        assert (found.reachable, found.without_consent) == (1, 0)

    async def test_nobody_sums_too(self, leads: Leads) -> None:
        assert (await sample(leads)).size == 0

    async def test_a_negative_size_is_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await sample(leads, size=-1)

        assert refusal.fields() == ["sample_size"]


class TestProbing:
    async def test_it_tells_whether_anybody_is_asked_for(self, leads: Leads) -> None:
        await leads.contact(display_name="An")
        is_an = await create(leads, "An", group(field("display_name", EQUALS, "An")))
        is_binh = await create(leads, "Bình", group(field("display_name", EQUALS, "Bình")))

        assert await anybody(leads)
        assert await anybody(leads, segment_ids=[is_an.id])
        assert not await anybody(leads, segment_ids=[is_binh.id])
        assert not await anybody(leads, excluded_segment_ids=[is_an.id])

    async def test_whom_the_caller_may_not_read_is_nobody(self, leads: Leads) -> None:
        await leads.contact()

        assert not await anybody(leads.as_(user(ALICE, contacts="own")))

    async def test_bad_unknown_and_forbidden_are_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await anybody(leads, segment_ids=["y"])
        with refused(NotFound, "RESOURCE_MISSING"):
            await anybody(leads, segment_ids=[NOBODY])
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await anybody(leads.as_(user(ALICE, segments="all")))


class TestReleasing:
    async def test_it_is_forgotten_and_the_second_time_too(self, leads: Leads) -> None:
        await leads.contact()
        run, kept = await freeze(leads), await freeze(leads)
        request = audience_service_pb2.ReleaseAudienceRequest(run_id=run.id)

        for _ in range(2):
            await leads.audiences.ReleaseAudience(request)

        with refused(NotFound, "RESOURCE_MISSING"):
            await stream(leads, run.id)
        assert len(await stream(leads, kept.id)) == 1
