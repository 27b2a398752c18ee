"""A frozen audience as campaigns stream it."""

import uuid

import pytest
from crm.leads.v1 import audience_pb2, contact_pb2
from crm.leads.v1 import audience_service_pb2 as pb
from crm.leads.v1 import contact_service_pb2 as contact_service
from sqlalchemy import text

from chassis.errors import InvalidArgument, NotFound
from tests.integration.leads.audience_parts import (
    CARE,
    MARKETING,
    SMS,
    TRANSACTIONAL,
    freeze,
    many,
    stream,
    view,
)
from tests.integration.leads.conftest import ALICE, NOBODY, Leads, user
from tests.integration.leads.consent_parts import give, withdraw
from tests.integration.serving import refused


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
