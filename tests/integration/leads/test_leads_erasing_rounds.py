"""A round of an erasure loses nothing: neither whom to look for nor what others said."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from crm.leads.v1 import contact_pb2
from crm.leads.v1 import contact_service_pb2 as contacts_pb
from crm.leads.v1 import erasure_service_pb2 as pb
from crm.leads.v1.erasure_pb2 import ERASURE_STATE_DONE, ERASURE_STATE_RUNNING
from google.protobuf.struct_pb2 import Struct
from nats.js.errors import APIError
from sqlalchemy import text

from chassis.config import ServiceSettings
from chassis.errors import NotFound
from services.erasing import Erased
from services.leads.domain import person as people
from services.leads.storage import erasures
from services.leads.workers import sweeping
from services.leads.workers.eraser import Eraser
from tests.integration.leads.conftest import BOB, Leads, user
from tests.integration.leads.erasing_parts import ScriptedPeers, eraser, order
from tests.integration.serving import refused

EMAIL = "hoa.rat.rieng@example.vn"


@pytest.fixture
async def hoa(leads: Leads) -> Any:
    return await leads.contact(display_name="Trần Thị Hoa", email=EMAIL)


async def due(leads: Leads) -> None:
    """Let the next round begin now."""
    async with leads.sessions.begin() as session:
        await session.execute(text("UPDATE erasures SET try_time = now()"))


async def got(leads: Leads, erasure_id: str) -> Any:
    return await leads.erasures.GetErasure(pb.GetErasureRequest(id=erasure_id))


class TestSealed:
    async def test_who_cannot_open_it_leaves_it_for_who_can(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
    ) -> None:
        made = await order(leads, hoa)
        other, right = ScriptedPeers(), ScriptedPeers()
        async with eraser(leads, leads_settings, nats_url, other, seal_key="another") as worker:
            assert await worker.work()
        found = await got(leads, made.id)
        await due(leads)
        async with eraser(leads, leads_settings, nats_url, right) as worker:
            await worker.work()

        assert other.asked == []
        assert (found.state, found.rounds) == (ERASURE_STATE_RUNNING, 0)
        assert [it.trouble for it in found.parts if it.name == "leads"] == ["SEAL_BROKEN"]
        assert right.asked[0].emails == (EMAIL,)


class TestAnswers:
    async def test_what_a_peer_said_is_kept_when_the_streams_fail(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def fails(*_: object) -> None:
            raise APIError(code=503, err_code=10008, description="system temporarily unavailable")

        said = Erased()
        said.own("message", ["01980000-0000-7000-8000-000000000001"])
        peers = ScriptedPeers([said])
        made = await order(leads, hoa)
        async with eraser(leads, leads_settings, nats_url, peers) as worker:
            with monkeypatch.context() as patched:
                patched.setattr(sweeping, "sweep", fails)
                assert await worker.work()
            found = await got(leads, made.id)
            await due(leads)
            await worker.work()

        troubles = {it.name: it.trouble for it in found.parts}
        assert troubles == {"leads": "", "notifier": "", "streams": "BROKER_FAILED"}
        assert found.state == ERASURE_STATE_RUNNING
        assert said.subjects <= peers.asked[1].subjects

    async def test_what_was_learnt_is_kept_by_a_worker_that_dies_before_the_streams(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def dies(*_: object) -> None:
            raise asyncio.CancelledError

        said = Erased()
        said.own("message", ["01980000-0000-7000-8000-000000000001"])
        peers = ScriptedPeers([said])
        await order(leads, hoa)
        async with eraser(leads, leads_settings, nats_url, peers) as worker:
            with monkeypatch.context() as patched:
                patched.setattr(sweeping, "sweep", dies)
                with pytest.raises(asyncio.CancelledError):
                    await worker.work()
            await due(leads)
            await worker.work()

        assert said.subjects <= peers.asked[1].subjects

    async def test_a_region_whose_notifier_is_not_known_keeps_it_from_being_done(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
    ) -> None:
        made = await order(leads, hoa)
        peers = ScriptedPeers(notifiers=0)
        async with eraser(leads, leads_settings, nats_url, peers) as worker:
            await worker._nats.js.add_stream(name="NOTIFY_FURTHER", subjects=["further.>"])
            await worker.work()
            few = await got(leads, made.id)
            peers.notifiers = 100
            await due(leads)
            await worker.work()
            await worker._nats.js.delete_stream("NOTIFY_FURTHER")

        known = await got(leads, made.id)
        assert [it.trouble for it in few.parts if it.name == "notifiers"] == ["NOTIFIER_UNKNOWN"]
        assert [it.trouble for it in known.parts if it.name == "notifiers"] == [""]


class TestShared:
    async def test_an_address_is_judged_anew_in_each_round(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
    ) -> None:
        peers = ScriptedPeers()
        await order(leads, hoa)
        async with eraser(leads, leads_settings, nats_url, peers) as worker:
            await worker.work()
            other = await leads.contact(display_name="Con Hoa", email=EMAIL)
            await due(leads)
            await worker.work()
            await leads.contacts.DeleteContact(contacts_pb.DeleteContactRequest(id=other.id))
            await due(leads)
            await worker.work()

        assert [it.emails for it in peers.asked] == [(EMAIL,), (), (EMAIL,)]


class TestLease:
    async def test_it_is_renewed_while_somebody_works(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
    ) -> None:
        async def until_renewed() -> None:
            async def lease_ends() -> Any:
                async with leads.sessions.begin() as session:
                    return await session.scalar(text("SELECT try_time FROM erasures"))

            first = await lease_ends()
            async with asyncio.timeout(30):
                while await lease_ends() == first:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

        await order(leads, hoa)
        peers = ScriptedPeers(meanwhile=until_renewed)
        short = timedelta(seconds=1)
        async with eraser(leads, leads_settings, nats_url, peers, lease=short) as worker:
            await worker.work()

        assert len(peers.asked) == 1


class TestRepeating:
    async def test_one_that_is_done_runs_once_more_by_the_contacts_id(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
    ) -> None:
        peers = ScriptedPeers()
        made = await order(leads, hoa)
        async with eraser(leads, leads_settings, nats_url, peers) as worker:
            await until_done(leads, worker, made.id)
            done = await got(leads, made.id)
            again = await repeat(leads, made.id)
            await until_done(leads, worker, made.id)

        assert (again.state, again.HasField("end_time")) == (ERASURE_STATE_RUNNING, False)
        assert peers.asked[0].emails == (EMAIL,)
        last = peers.asked[-1]
        assert ([str(it) for it in last.contact_ids], last.emails) == ([hoa.id], ())
        twice = await got(leads, made.id)
        assert twice.end_time.ToSeconds() > done.end_time.ToSeconds()
        assert "erasure.repeat" in await actions(leads)

    async def test_one_that_runs_is_left_as_it_is(
        self, leads: Leads, hoa: contact_pb2.Contact, leads_settings: ServiceSettings
    ) -> None:
        made = await order(leads, hoa)

        again = await repeat(leads, made.id)

        assert again == await got(leads, made.id)
        async with leads.sessions.begin() as session:
            (sealed,) = await erasures.running(session)
        assert people.unseal(sealed, leads_settings.seal_key.get_secret_value()).emails == (EMAIL,)

    async def test_who_did_not_order_it_and_may_not_erase_everybody_does_not_find_it(
        self, leads: Leads, hoa: contact_pb2.Contact
    ) -> None:
        made = await order(leads, hoa)

        with refused(NotFound, "RESOURCE_MISSING"):
            await repeat(leads.as_(user(BOB, contacts="own")), made.id)


async def repeat(leads: Leads, erasure_id: str) -> Any:
    return await leads.erasures.RepeatErasure(pb.RepeatErasureRequest(id=erasure_id))


async def until_done(leads: Leads, worker: Eraser, erasure_id: str) -> None:
    """Work round by round, with the relay's part done in between."""
    for _ in range(8):
        async with leads.sessions.begin() as session:
            await session.execute(text("UPDATE outbox SET published_at = now()"))
        await due(leads)
        await worker.work()
        leads.clock.pass_(seconds=61)
        if (await got(leads, erasure_id)).state == ERASURE_STATE_DONE:
            return
    raise AssertionError("it is not done")


async def actions(leads: Leads) -> list[str]:
    """What was done with erasures, by the audit entries that are left."""
    async with leads.sessions.begin() as session:
        found = await session.scalars(
            text("SELECT payload FROM outbox WHERE subject LIKE 'audit.%' ORDER BY id")
        )
        entries = [Struct.FromString(bytes(it)) for it in found]
    return [it["action"] for it in entries if str(it["action"]).endswith(("erase", "repeat"))]
