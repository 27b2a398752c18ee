"""Standings stay what a look at the tables says, whatever happens at the same time."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import agenda_service_pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_pb2s
from crm.interactions.v1 import interaction_service_pb2 as interaction_pb2s
from crm.interactions.v1.follow_up_pb2 import FollowUp
from crm.leads.v1 import events_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import StatusCode
from grpc.aio import AioRpcError
from sqlalchemy import text

from chassis import errors
from services.interactions.storage import standings
from tests.integration.interactions.house import later, person, stamp
from tests.integration.interactions.standing_parts import complete, differences, log
from tests.integration.serving import refused


class TestBatchGet:
    async def test_it_leaves_out_what_one_may_not_see(self, house: Any) -> None:
        me = person("own")
        mine, others = house.contact(me.subject), house.contact(str(uuid4()))
        for contact in (mine, others):
            await house.tell(events_pb2.ContactCreated(contact=contact))

        asked = agenda_service_pb2.BatchGetStandingsRequest(contact_ids=[others.id, mine.id])
        found = await house.agenda(me).BatchGetStandings(asked)

        assert [it.contact_id for it in found.standings] == [mine.id]

    async def test_bad_and_too_many_ids_are_refused(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as bad:
            asked = agenda_service_pb2.BatchGetStandingsRequest(contact_ids=[str(uuid4()), "x"])
            await house.agenda().BatchGetStandings(asked)
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as many:
            ids = [str(uuid4())] * 1001
            asked = agenda_service_pb2.BatchGetStandingsRequest(contact_ids=ids)
            await house.agenda().BatchGetStandings(asked)

        assert (bad.fields(), many.fields()) == (["contact_ids[1]"], ["contact_ids"])


class TestAtTheSameTime:
    """Several do everything there is to three contacts, with the events of leads in between."""

    @pytest.mark.parametrize("seed", range(6))
    async def test_what_is_kept_is_what_the_tables_say(self, house: Any, seed: int) -> None:
        contacts = [house.contact() for _ in range(3)]
        for contact in contacts:
            await house.tell(events_pb2.ContactCreated(contact=contact))

        done = await asyncio.gather(*(_busy(house, contacts, seed * 10 + n) for n in range(5)))

        assert await differences(house) == []
        assert sum(done) > 50

    async def test_many_at_once_in_any_order_wait_for_each_other(self, house: Any) -> None:
        ids = [uuid4() for _ in range(40)]

        async def planned(seed: int) -> None:
            some = random.Random(seed).sample(ids, 30)
            async with house.sessions.begin() as session:
                await session.execute(_PLAN, {"contacts": some, "minutes": seed})
                await standings.refresh(session, some)

        await asyncio.gather(*(planned(seed) for seed in range(12)))

        assert await differences(house) == []


_PLAN = text("""
    INSERT INTO follow_ups (id, title, type, status, contact_id, assignee_ids,
        start_time, end_time, time_zone, creator_id)
    SELECT gen_random_uuid(), 'x', 'call', 'open', contact, '{}', at, at, '', 's'
    FROM unnest(CAST(:contacts AS uuid[])) AS contact,
        (SELECT now() - CAST(:minutes AS int) * interval '1 minute') AS of (at)
""")


async def _busy(house: Any, contacts: list[Any], seed: int) -> int:
    """Does forty things to contacts; returns how many were not refused."""
    chance, done = random.Random(seed), 0
    mine: list[str] = []
    logged: list[str] = []
    stub = house.follow_ups()
    for _ in range(40):
        contact, minutes = chance.choice(contacts), chance.randint(-600, 600)
        act = chance.randrange(8)
        try:
            if act <= 1 or not mine:
                made = await house.plan(contact.id, type=chance.randint(1, 4), **_at(minutes))
                mine.append(made.id)
            elif act == 2:
                await complete(house, mine.pop(chance.randrange(len(mine))))
            elif act == 3:
                given_up = follow_up_pb2s.CancelFollowUpRequest(id=chance.choice(mine))
                await stub.CancelFollowUp(given_up)
            elif act == 4:
                gone = mine.pop(chance.randrange(len(mine)))
                await stub.DeleteFollowUp(follow_up_pb2s.DeleteFollowUpRequest(id=gone))
            elif act == 5:
                change = FollowUp(id=chance.choice(mine), contact_ids=[contact.id], **_at(minutes))
                mask = FieldMask(paths=["contact_ids", "start_time"])
                asked = follow_up_pb2s.UpdateFollowUpRequest(follow_up=change, update_mask=mask)
                await stub.UpdateFollowUp(asked)
            elif act == 6:
                at, result = later(-abs(minutes) - 1), chance.randint(1, 3)
                logged.append((await log(house, contact.id, start_time=at, result=result)).id)
            elif logged:
                back = interaction_pb2s.DeleteInteractionRequest(id=logged.pop())
                await house.interactions().DeleteInteraction(back)
                contact.revision += 1
                await house.tell(events_pb2.ContactUpdated(contact=contact))
            done += 1
        except AioRpcError as refusal:
            # One that was closed before cannot be changed; anything else is a failure.
            if refusal.code() is not StatusCode.FAILED_PRECONDITION:
                raise
    return done


def _at(minutes: int) -> Any:
    return {"start_time": stamp(datetime.now(UTC) + timedelta(minutes=minutes))}
