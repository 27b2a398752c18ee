"""Requests that are nobody's are told to those who may answer; erasure that waits is measured."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import notification_service_pb2
from crm.interactions.v1 import portal_service_pb2 as pb2
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from services.interactions import metrics
from services.interactions.domain.requests import Answerer
from services.interactions.workers import requests as workers
from tests.integration.interactions.house import House, person
from tests.integration.interactions.portal_parts import answer, ask, close, reply

TEAM = str(uuid4())


class Staff:
    """Some colleagues, and how often they were asked for."""

    def __init__(self, *answering: Principal) -> None:
        self.asked = 0
        self._answering = answering

    async def answering(self) -> Sequence[Answerer]:
        self.asked += 1
        return [
            Answerer(UUID(it.subject), UUID(it.team_id) if it.team_id else None, it.team_id is None)
            for it in self._answering
        ]


class Away(Staff):
    async def answering(self) -> Sequence[Answerer]:
        raise errors.Unavailable("PEER_UNAVAILABLE", "away", peer="accounts")


async def look(house: House, staff: Any) -> int:
    return await workers.tell(house.sessions, staff)


async def told(house: House, who: Principal) -> list[str]:
    request = notification_service_pb2.ListNotificationsRequest()
    found = await house.notifications(who).ListNotifications(request)
    return [it.request_id for it in found.notifications]


class TestWhatIsNobodys:
    async def test_whoever_may_answer_everybody_is_told_once(self, house: House) -> None:
        lan, binh = person("all"), person("team", TEAM)
        staff, made = Staff(lan, binh), await ask(house, house.contact())

        found = [await look(house, staff) for _ in range(2)]

        assert (found, staff.asked) == ([1, 0], 1)
        assert await told(house, lan) == [made.id]
        assert await told(house, binh) == []

    async def test_its_team_is_told_before_others(self, house: House) -> None:
        lan, binh = person("all"), person("team", TEAM)
        made = await ask(house, house.contact(team=TEAM))

        await look(house, Staff(lan, binh))

        assert await told(house, binh) == [made.id]
        assert await told(house, lan) == []

    async def test_a_reply_is_told_once_more(self, house: House) -> None:
        lan, contact = person("all"), house.contact()
        made = await ask(house, contact)
        await look(house, Staff(lan))

        await reply(house, contact, made.id)
        await look(house, Staff(lan))

        assert await told(house, lan) == [made.id, made.id]

    async def test_what_somebody_has_or_answered_is_left(self, house: House) -> None:
        lan = person("all")
        await ask(house, house.contact(str(uuid4())))
        await answer(house, (await ask(house, house.contact())).id)
        await close(house, (await ask(house, house.contact())).id)

        assert await look(house, Staff(lan)) == 0

    async def test_while_accounts_is_away_it_waits(self, house: House) -> None:
        lan, made = person("all"), await ask(house, house.contact())
        with pytest.raises(errors.Unavailable):
            await look(house, Away())

        await look(house, Staff(lan))

        assert await told(house, lan) == [made.id]


class TestErasureThatWaits:
    async def age(self, house: House) -> float:
        await look(house, Staff())
        return float(metrics.erasure_request_age._value.get())

    async def test_the_oldest_that_is_not_closed_counts(self, house: House) -> None:
        asked = pb2.AskForErasureRequest()
        old = await house.portal(house.contact().id).AskForErasure(asked)
        await house.portal(house.contact().id).AskForErasure(asked)
        await ask(house, house.contact())
        async with house.sessions.begin() as session:
            await session.execute(
                text("UPDATE requests SET create_time = now() - interval '2 days' WHERE id = :id"),
                {"id": old.id},
            )
            await session.execute(
                text("UPDATE requests SET create_time = now() - interval '9 days'"
                     " WHERE kind = 'question'")
            )  # fmt: skip

        assert 172_800 <= await self.age(house) < 172_900
        await answer(house, old.id)
        assert await self.age(house) >= 172_800
        await close(house, old.id)
        assert await self.age(house) < 100

    async def test_where_nobody_asks_it_is_nothing(self, house: House) -> None:
        assert await self.age(house) == 0
