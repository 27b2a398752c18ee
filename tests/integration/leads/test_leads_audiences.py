"""Audiences: frozen once, streamed in order from anywhere, divided into parts that sum."""

import asyncio
import uuid
from typing import Any

from crm.leads.v1 import audience_service_pb2, contact_pb2
from crm.leads.v1 import audience_service_pb2 as pb

from chassis.errors import InvalidArgument, NotFound, PermissionDenied
from tests.integration.leads.audience_parts import TRANSACTIONAL, freeze, many, stream, view
from tests.integration.leads.conftest import ALICE, NOBODY, Leads, user
from tests.integration.leads.consent_parts import give
from tests.integration.leads.segment_parts import EQUALS, PRESENT, create, field, group
from tests.integration.serving import refused


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


async def sampled(leads: Leads, **query: Any) -> pb.SampleAudienceResponse:
    return await sample(leads, query=pb.AudienceQuery(**query))


async def segments(leads: Leads, conditions: list[int]) -> list[str]:
    """Store segments with so many conditions each, and return their ids."""
    one = field("company", PRESENT)
    made = [
        await create(leads, f"S{place}", group(*[one] * count))
        for place, count in enumerate(conditions)
    ]
    return [it.id for it in made]


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


class TestTheConditions:
    async def test_are_asked_as_long_as_they_are_a_thousand_together(self, leads: Leads) -> None:
        await leads.contact(company="A")
        ids = await segments(leads, conditions=[50] * 20)

        assert await anybody(leads, segment_ids=ids)
        assert not await anybody(leads, segment_ids=ids[:10], excluded_segment_ids=ids[10:])

    async def test_more_are_refused_by_the_part_that_is_too_much(self, leads: Leads) -> None:
        ids = await segments(leads, conditions=[50] * 21)
        one = group(field("company", PRESENT))
        asked = {
            "query.segment_ids[20]": {"segment_ids": ids},
            "query.segment_ids[19]": {"segment_ids": ids[:20], "definition": one},
            "query.excluded_segment_ids[0]": {
                "segment_ids": ids[:20],
                "excluded_segment_ids": ids[20:],
            },
        }

        for named, query in asked.items():
            for call in (anybody(leads, **query), freeze(leads, **query), sampled(leads, **query)):
                with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
                    await call
                assert refusal.fields() == [named]


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

    async def test_only_what_the_caller_may_read_is_in_it(self, leads: Leads) -> None:
        await leads.contact(email="a@a.example")
        mine = await leads.contact(email="b@a.example", owner_ids=[ALICE])

        found = await sample(leads.as_(user(ALICE, contacts="own")), purpose=TRANSACTIONAL)

        assert [str(uuid.UUID(bytes=it.contact_id)) for it in found.sample] == [mine.id]
        assert found.size == 1

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
