"""A person is erased: ordered by who may, gone from leads at once, and done when all say so."""

from typing import Any

import pytest
from crm.leads.v1 import consent_pb2, contact_pb2, events_pb2
from crm.leads.v1 import consent_service_pb2 as consents_pb
from crm.leads.v1 import contact_service_pb2 as contacts_pb
from crm.leads.v1 import erasure_service_pb2 as pb
from crm.leads.v1.erasure_pb2 import (
    ERASURE_REASON_UNSPECIFIED,
    ERASURE_STATE_DONE,
    ERASURE_STATE_RUNNING,
)
from sqlalchemy import text

from chassis.config import ServiceSettings
from chassis.db.outbox import Class
from chassis.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from chassis.rpc import times
from services.erasing import Erased
from tests.integration.leads.conftest import ADVERTISER, ALICE, BOB, NOBODY, SALES, Leads, user
from tests.integration.leads.erasing_parts import ScriptedPeers, eraser, order
from tests.integration.serving import refused

PHONE, EMAIL, NAME = "+84912345678", "hoa.rat.rieng@example.vn", "Trần Thị Rất Riêng"


@pytest.fixture
async def hoa(leads: Leads) -> Any:
    """Somebody with a singular name, number and address, who is Alice's."""
    await leads.contact(phone="0901234567", email="khac@example.vn")
    return await leads.contact(
        display_name=NAME, phone="0912 345 678", email=EMAIL, owner_ids=[ALICE], team_id=SALES
    )


async def everything(leads: Leads) -> str:
    """All rows of all tables, as text."""
    async with leads.sessions.begin() as session:
        tables = (
            await session.execute(
                text("SELECT table_name FROM information_schema.tables WHERE table_schema='public'")
            )
        ).scalars()
        rows = [
            (await session.execute(text(f'SELECT t::text FROM "{it}" AS t'))).scalars().all()  # noqa: S608
            for it in tables
        ]
    return "\n".join(row for some in rows for row in some)


async def publish(leads: Leads) -> None:
    """Stand in for the relay: every event is published."""
    async with leads.sessions.begin() as session:
        await session.execute(text("UPDATE outbox SET published_at = now()"))


async def due(leads: Leads) -> None:
    """Let the next round begin now."""
    async with leads.sessions.begin() as session:
        await session.execute(text("UPDATE erasures SET try_time = now()"))


async def got(leads: Leads, erasure_id: str) -> Any:
    return await leads.erasures.GetErasure(pb.GetErasureRequest(id=erasure_id))


class TestOrdering:
    async def test_the_contact_is_gone_at_once_and_is_said_to_be_erased(
        self, leads: Leads, hoa: contact_pb2.Contact
    ) -> None:
        made = await order(leads, hoa)

        assert (made.contact_id, made.state) == (hoa.id, ERASURE_STATE_RUNNING)
        assert NAME not in await leads.names()
        with refused(NotFound, "CONTACT_ERASED"):
            await leads.contacts.GetContact(contacts_pb.GetContactRequest(id=hoa.id))
        (gone,) = await leads.told(Class.FACTS, events_pb2.ContactDeleted)
        assert gone.contact_id == hoa.id

    async def test_who_may_not_read_everybody_does_not_learn_that(
        self, leads: Leads, hoa: contact_pb2.Contact
    ) -> None:
        await order(leads, hoa)

        with refused(NotFound, "RESOURCE_MISSING"):
            await leads.as_(user(ALICE, contacts="own")).contacts.GetContact(
                contacts_pb.GetContactRequest(id=hoa.id)
            )

    async def test_again_gives_the_one_that_is_there(
        self, leads: Leads, hoa: contact_pb2.Contact
    ) -> None:
        assert (await order(leads, hoa)).id == (await order(leads, hoa)).id

    async def test_it_has_to_be_confirmed_with_the_contacts_code(
        self, leads: Leads, hoa: contact_pb2.Contact
    ) -> None:
        with refused(FailedPrecondition, "ERASURE_UNCONFIRMED"):
            await order(leads, hoa, confirm="yes")

        assert NAME in await leads.names()

    async def test_it_wants_a_reason(self, leads: Leads, hoa: contact_pb2.Contact) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await order(leads, hoa, reason=ERASURE_REASON_UNSPECIFIED)

    async def test_who_was_deleted_is_erased_by_id(
        self, leads: Leads, hoa: contact_pb2.Contact
    ) -> None:
        await leads.contacts.DeleteContact(contacts_pb.DeleteContactRequest(id=hoa.id))

        with refused(FailedPrecondition, "ERASURE_UNCONFIRMED"):
            await order(leads, hoa)
        made = await order(leads, hoa, confirm=hoa.id)

        assert made.state == ERASURE_STATE_RUNNING

    async def test_nobody_is_nobody(self, leads: Leads) -> None:
        with refused(NotFound, "RESOURCE_MISSING"):
            await order(leads, contact_pb2.Contact(id=NOBODY, reference_code="KH1"))


class TestReach:
    async def test_own_reaches_ones_own_alone(self, leads: Leads, hoa: contact_pb2.Contact) -> None:
        with refused(NotFound, "RESOURCE_MISSING"):
            await order(leads.as_(user(BOB, contacts="own")), hoa)

        assert await order(leads.as_(user(ALICE, contacts="own")), hoa)

    async def test_without_the_right_nobody_may(
        self, leads: Leads, hoa: contact_pb2.Contact
    ) -> None:
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await order(leads.as_(user(ALICE)), hoa)

    async def test_orders_are_seen_by_who_gave_them_and_who_may_erase_everybody(
        self, leads: Leads, hoa: contact_pb2.Contact
    ) -> None:
        alice, bob = (leads.as_(user(it, contacts="own")) for it in (ALICE, BOB))
        made = await order(alice, hoa)

        async def listed(who: Leads) -> list[str]:
            found = await who.erasures.ListErasures(pb.ListErasuresRequest())
            return [it.id for it in found.erasures]

        assert (await listed(alice), await listed(bob), await listed(leads)) == (
            [made.id],
            [],
            [made.id],
        )
        with refused(NotFound, "RESOURCE_MISSING"):
            await got(bob, made.id)


class TestRounds:
    async def test_nothing_is_left_in_leads_when_it_is_done(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
    ) -> None:
        await leads.consents.GiveConsent(
            consents_pb.GiveConsentRequest(
                entry=consent_pb2.ConsentEntry(
                    contact_id=hoa.id,
                    advertiser_id=ADVERTISER,
                    purpose=contact_pb2.PURPOSE_MARKETING,
                    channel=contact_pb2.CHANNEL_EMAIL,
                    method="paper",
                    evidence=f"{NAME} said so",
                    time=times.out(leads.clock()),
                ),
                request_id="once",
            )
        )
        made = await order(leads, hoa)
        await publish(leads)
        async with eraser(leads, leads_settings, nats_url, ScriptedPeers()) as worker:
            for _ in range(6):
                await worker.work()
                await publish(leads)
                await due(leads)
                leads.clock.pass_(seconds=61)
            assert not await worker.work()

        assert (await got(leads, made.id)).state == ERASURE_STATE_DONE
        left = await everything(leads)
        for each in (NAME, "Rất Riêng", PHONE, "0912", "912345678", EMAIL):
            assert each not in left
        assert "khac@example.vn" in left

    async def test_it_goes_on_while_somebody_finds_something_or_is_away(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
    ) -> None:
        peers = ScriptedPeers(["PEER_UNAVAILABLE", _found(), _found(waiting=1)])
        made = await order(leads, hoa)
        await publish(leads)
        async with eraser(leads, leads_settings, nats_url, peers) as worker:
            for _ in range(3):
                await worker.work()
                await publish(leads)
                await due(leads)
                leads.clock.pass_(seconds=61)

        found = await got(leads, made.id)
        (part,) = (it for it in found.parts if it.name == "notifier")
        assert found.state == ERASURE_STATE_RUNNING
        assert [(it.kind, it.count) for it in part.erased] == [("messages", 4)]
        assert (part.waiting, part.clean) == (1, False)

    async def test_peers_are_told_addresses_that_are_nobody_elses_and_what_others_found(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
    ) -> None:
        await leads.contact(display_name="Con Hoa", phone=PHONE)
        peers = ScriptedPeers([_found(subject="n1")])
        await order(leads, hoa)
        async with eraser(leads, leads_settings, nats_url, peers) as worker:
            await worker.work()
            await due(leads)
            await worker.work()

        first, second = peers.asked
        assert (first.emails, first.phones) == ((EMAIL,), ())
        assert first.names == (NAME,)
        assert ("note", "n1") in second.subjects
        assert ("contact", hoa.id) in second.subjects


def _found(waiting: int = 0, subject: str = "") -> Erased:
    erased = Erased(waiting=waiting)
    erased.add("messages", 2)
    if subject:
        erased.own("note", [subject])
    return erased
