"""What recurs, what is for many and what reminds is planned once, whoever is killed over it."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from bench import jobs
from local.demo import job
from local.demo.api import Json
from tests.faults import follow_ups
from tests.faults.conftest import LONG, PEOPLE
from tests.faults.scene import ASK_SECONDS, Scene
from tests.faults.test_follow_ups import kill

CALLS, DAYS, CONTACTS = (40, 50, 20) if LONG else (4, 20, 10)
MESSAGES, RECIPIENTS = (10, 200) if LONG else (2, 20)
REMINDERS = 200 if LONG else 20
KILLS = 40 if LONG else 4
# A reminder whose time has passed when its follow-up is planned is not given.
DUE_SECONDS = 120.0 if LONG else 20.0
END_SECONDS = 600.0 if LONG else 90.0


class TestPlannersKilledAtRandom:
    async def test_each_thing_is_planned_and_given_once(
        self, scene: Scene, dice: random.Random
    ) -> None:
        before = set(await scene.held("EMAIL"))
        people = [it["id"] async for it in scene.api.every("/contacts", "contacts")]
        user_id = (await scene.api.get("/users", page_size=1))["users"][0]["id"]
        due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=DUE_SECONDS)
        message = await self._message(scene)
        messages = [
            await self._series(scene, dice.sample(people, RECIPIENTS), due, message)
            for _ in range(MESSAGES)
        ]
        names = ("purpose", "advertiser_id", "sender_identity_id")
        of_contact = {"channel": "EMAIL", **{name: message["message"][name] for name in names}}
        reminded = [
            await self._reminded(scene, dice.choice(people), due, user_id, of_contact)
            for _ in range(REMINDERS)
        ]

        assert datetime.now(UTC) < due, "they were planned too late"
        kills = asyncio.create_task(kill(scene, dice, KILLS))
        later = due + timedelta(days=1)
        calls = [
            await self._series(scene, dice.sample(people, CONTACTS), later, {"type": "CALL"})
            for _ in range(CALLS)
        ]
        batch = await self._batch(scene, later)
        killed = await kills

        await self._until(lambda: self._state(scene, batch) == "completed")
        await self._until(lambda: len(self._planned(scene, calls)) == CALLS * CONTACTS * DAYS)
        await self._until(lambda: len(self._planned(scene, messages)) == MESSAGES * DAYS)
        await self._until(lambda: len(self._told(scene, reminded)) == REMINDERS)
        await self._until(lambda: len(self._given(scene, reminded)) == REMINDERS)
        now_due = self._due(scene, messages, due)
        await follow_ups.ended(scene, now_due, END_SECONDS)

        assert set(self._planned(scene, calls).values()) == {1}
        assert set(self._planned(scene, messages).values()) == {1}
        made = await scene.answered(lambda: scene.api.get(f"/follow-up-batches/{batch}"))
        contacts = self._contacts(scene, batch)
        assert int(made["made_count"]) == int(made["contact_count"]) == len(contacts)
        assert len(contacts) > PEOPLE / 2
        assert set(contacts.values()) == {1}
        assert set(self._told(scene, reminded).values()) == {1}
        assert len(now_due) == MESSAGES
        given = self._given(scene, reminded)
        held = await scene.held("EMAIL")
        sent = [id for _, state, id in given if state in ("sent", "delivered")]
        assert len({follow_up_id for follow_up_id, _, _ in given}) == REMINDERS
        assert {held.get(it) for it in sent} == {1}
        ids = [id for _, _, id in given if id]
        assert len(set(ids)) == len(ids)
        total = MESSAGES * RECIPIENTS
        proof = await follow_ups.proof(scene, now_due, total, before, besides=ids)
        scene.tell(
            "G1",
            f"{killed} kills: {CALLS * CONTACTS * DAYS} occurrences, {len(contacts)} of a batch, "
            f"{REMINDERS} reminders, each once, to customers too ({len(sent)} sent); "
            f"messages of series {proof}",
        )

    async def _message(self, scene: Scene) -> Json:
        return {"type": "EMAIL", "message": jobs.message(*await job.sender(scene.api, "EMAIL"))}

    async def _series(
        self, scene: Scene, contacts: Sequence[str], start: datetime, what: Json
    ) -> str:
        rule = {
            "rrule": f"FREQ=DAILY;COUNT={DAYS}",
            "start": f"{start:%Y-%m-%dT%H:%M:%S}",
            "time_zone": "Etc/UTC",
        }
        body = {"title": "Fault", "contact_ids": contacts, "calendar": rule, **what}
        return await self._made(scene, "/series", body)

    async def _reminded(
        self, scene: Scene, contact: str, due: datetime, user_id: str, of_contact: Json
    ) -> str:
        body = {
            "title": "Fault",
            "type": "CALL",
            "contact_ids": [contact],
            "assignee_ids": [user_id],
            "start_time": (due + timedelta(minutes=5)).isoformat(),
            "reminders": [{"minutes_before": 5, "channels": ["IN_APP"], "to_contact": of_contact}],
        }
        return await self._made(scene, "/follow-ups", body)

    async def _batch(self, scene: Scene, start: datetime) -> str:
        body = {
            "title": "Fault",
            "type": "CALL",
            "segment_id": scene.segment_id,
            "start_time": start.isoformat(),
        }
        return await self._made(scene, "/follow-up-batches", body)

    async def _made(self, scene: Scene, path: str, body: Json) -> str:
        key = str(uuid.uuid4())
        made = await scene.answered(lambda: scene.api.post(path, body, key=key))
        return str(made["id"])

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(END_SECONDS):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(ASK_SECONDS)

    def _planned(self, scene: Scene, series: Sequence[str]) -> Counter[Any]:
        """How often each occurrence of each contact is there."""
        query = "select series_id, contact_id, recurrence_time from follow_ups"
        return self._counted(scene, f"{query} where series_id = any(%s::uuid[])", [list(series)])

    def _due(self, scene: Scene, series: Sequence[str], due: datetime) -> list[str]:
        query = "select id from follow_ups where series_id = any(%s::uuid[]) and start_time = %s"
        return [str(id) for (id,) in self._counted(scene, query, [list(series), due])]

    def _contacts(self, scene: Scene, batch: str) -> Counter[Any]:
        """How many follow-ups of a batch each contact has."""
        return self._counted(
            scene, "select contact_id from follow_ups where batch_id = %s", [batch]
        )

    def _told(self, scene: Scene, reminded: Sequence[str]) -> Counter[Any]:
        """How often each follow-up's reminder was given."""
        query = "select source_id from notifications where kind = 'reminder'"
        return self._counted(scene, f"{query} and source_id = any(%s::uuid[])", [list(reminded)])

    def _given(self, scene: Scene, reminded: Sequence[str]) -> list[tuple[str, str, str]]:
        """Of each follow-up the reminder to its contact that ended, its state and its message."""
        query = """
            select follow_up_id::text, state, coalesce(message_id::text, '') from contact_reminders
            where follow_up_id = any(%s::uuid[]) and state not in ('waiting', 'handed_over')
        """
        return list(self._counted(scene, query, [list(reminded)]).elements())

    def _state(self, scene: Scene, batch: str) -> str:
        query = "select state from follow_up_batches where id = %s"
        ((state,),) = self._counted(scene, query, [batch])
        return str(state)

    def _counted(self, scene: Scene, query: str, given: Sequence[object]) -> Counter[Any]:
        with psycopg.connect(scene.database("interactions"), autocommit=True) as connection:
            return Counter(connection.execute(query, given).fetchall())
