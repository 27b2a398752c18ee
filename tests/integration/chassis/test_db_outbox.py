"""The outbox, the inbox and audit entries on a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import StringValue

from chassis import context, db
from chassis.context import Principal
from chassis.db import audit, inbox, outbox
from chassis.db.outbox import Class

Count = Callable[[str], Awaitable[int]]
Age = Callable[[str, str, str], Awaitable[None]]
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
USER = Principal("0190", "user")
# What a literal of an array must quote.
AWKWARD = "\\ \" ' , { } NULL %s :x \n đ"


class TestOutbox:
    async def test_an_event_carries_what_its_consumers_need(self, sessions: db.Sessions) -> None:
        async with sessions.begin() as session:
            with context.bind(request_id="r1", traceparent=TRACE):
                event_id = await outbox.add(
                    session, StringValue(value="v"), to=Class.FACTS, key="c1", revision=7
                )

        async with sessions.begin() as session:
            (row,) = await outbox.take(session, Class.FACTS, 10)
        assert (row.id, row.subject) == (event_id, "google.protobuf.StringValue")
        assert (row.key, row.revision) == ("c1", 7)
        assert StringValue.FromString(row.payload).value == "v"
        assert row.headers == {"x-request-id": "r1", "traceparent": TRACE}
        assert datetime.now(UTC) - row.created_at < timedelta(minutes=1)
        assert event_id.version == 7

    async def test_many_are_added_at_once_in_their_order(self, sessions: db.Sessions) -> None:
        outbox.nudge(Class.FACTS).clear()
        given = [
            (StringValue(value=f"v{number}"), f"key {number} {AWKWARD}", number)
            for number in range(200)
        ]
        async with sessions.begin() as session:
            with context.bind(request_id="r1", traceparent=TRACE):
                ids = await outbox.add_many(session, given, to=Class.FACTS)
                none = await outbox.add_many(session, [], to=Class.FACTS)

        async with sessions.begin() as session:
            rows = await outbox.take(session, Class.FACTS, 1_000)
        assert none == []
        assert [row.id for row in rows] == ids
        assert [(StringValue.FromString(row.payload), row.key, row.revision) for row in rows] == (
            given
        )
        assert {row.subject for row in rows} == {"google.protobuf.StringValue"}
        assert rows[0].headers == {"x-request-id": "r1", "traceparent": TRACE}
        assert outbox.nudge(Class.FACTS).is_set()

    async def test_a_change_that_rolls_back_announces_nothing(
        self, sessions: db.Sessions, count: Count
    ) -> None:
        outbox.nudge(Class.FACTS).clear()

        async def change() -> None:
            async with sessions.begin() as session:
                await outbox.add(session, StringValue(), to=Class.FACTS)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await change()

        assert await count("outbox") == 0
        assert not outbox.nudge(Class.FACTS).is_set()

    async def test_the_relay_of_its_class_is_nudged_after_the_commit(
        self, sessions: db.Sessions
    ) -> None:
        outbox.nudge(Class.CONTROL).clear()
        outbox.nudge(Class.FACTS).clear()

        async with sessions.begin() as session:
            await outbox.add(session, StringValue(), to=Class.CONTROL)
            before_commit = outbox.nudge(Class.CONTROL).is_set()

        assert not before_commit
        assert outbox.nudge(Class.CONTROL).is_set()
        assert not outbox.nudge(Class.FACTS).is_set()

    async def test_classes_are_taken_apart_and_in_order(self, sessions: db.Sessions) -> None:
        async with sessions.begin() as session:
            for number in range(3):
                await outbox.add(session, StringValue(), to=Class.FACTS, revision=number)
                await outbox.add(session, StringValue(), to=Class.AUDIT, revision=100 + number)

        async with sessions.begin() as session:
            rows = await outbox.take(session, Class.FACTS, 2)

        assert [row.revision for row in rows] == [0, 1]

    async def test_two_relays_never_take_the_same_event(self, sessions: db.Sessions) -> None:
        async with sessions.begin() as session:
            for _ in range(4):
                await outbox.add(session, StringValue(), to=Class.FACTS)

        async with sessions.begin() as one, sessions.begin() as other:
            first = await outbox.take(one, Class.FACTS, 3)
            second = await outbox.take(other, Class.FACTS, 3)

        assert (len(first), len(second)) == (3, 1)
        assert {row.id for row in first}.isdisjoint(row.id for row in second)

    async def test_what_is_published_is_kept_but_not_taken_again(
        self, sessions: db.Sessions, count: Count
    ) -> None:
        async with sessions.begin() as session:
            first = await outbox.add(session, StringValue(), to=Class.FACTS)
            await outbox.add(session, StringValue(), to=Class.FACTS)

        async with sessions.begin() as session:
            await outbox.mark_published(session, [first])
            left = await outbox.take(session, Class.FACTS, 10)
            waiting = await outbox.backlog(session, Class.FACTS)

        assert first not in {row.id for row in left}
        assert waiting.count == len(left) == 1
        assert 0 <= waiting.lag_seconds < 60
        assert await count("outbox") == 2


class TestInbox:
    async def test_of_several_those_not_seen_are_told(self, sessions: db.Sessions) -> None:
        async with sessions.begin() as session:
            await inbox.seen_before(session, "timeline", "e1")
            await inbox.seen_before(session, "other", "e2")
        async with sessions.begin() as session:
            fresh = await inbox.note(session, "timeline", ["e3", "e1", "e2", AWKWARD])
            again = await inbox.note(session, "timeline", ["e3", "e1"])

        assert fresh == {"e2", "e3", AWKWARD}
        assert again == set()

    async def test_a_second_delivery_was_seen(self, sessions: db.Sessions) -> None:
        seen = []
        for consumer in ("timeline", "timeline", "other"):
            async with sessions.begin() as session:
                seen.append(await inbox.seen_before(session, consumer, "e1"))

        assert seen == [False, True, False]

    async def test_an_effect_that_rolled_back_was_not_seen(self, sessions: db.Sessions) -> None:
        async def change() -> None:
            async with sessions.begin() as session:
                await inbox.seen_before(session, "timeline", "e1")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await change()

        async with sessions.begin() as session:
            assert not await inbox.seen_before(session, "timeline", "e1")

    async def test_of_two_at_once_one_has_the_effect(self, sessions: db.Sessions) -> None:
        async def deliver() -> bool:
            async with sessions.begin() as session:
                return await inbox.seen_before(session, "timeline", "e1")

        assert sorted(await asyncio.gather(*(deliver() for _ in range(5)))) == [False] + [True] * 4


class TestAudit:
    async def test_an_entry_says_who_did_what_to_whom(self, sessions: db.Sessions) -> None:
        acting = Principal("0190", "user", actor="campaigns")
        async with sessions.begin() as session:
            with context.bind(request_id="r1", principal=acting):
                await audit.record(
                    session,
                    action="update",
                    subject_type="contact",
                    subject_id="c1",
                    before={"stage": "LEAD", "revision": 1},
                    after={"id": UUID(int=7), "big": 2**60, "tags": ["a"], "at": None},
                )

        async with sessions.begin() as session:
            (row,) = await outbox.take(session, Class.AUDIT, 10)
        entry = json_format.MessageToDict(Struct.FromString(row.payload))
        assert (row.subject, row.key) == ("audit.leads", "contact/c1")
        assert entry["actor"] == {"subject": "0190", "kind": "user", "actor": "campaigns"}
        assert (entry["action"], entry["request_id"]) == ("contact.update", "r1")
        assert entry["service"] == "leads"
        assert entry["before"] == {"stage": "LEAD", "revision": 1}
        assert entry["after"]["big"] == str(2**60)
        assert entry["after"]["id"] == str(UUID(int=7))
        assert datetime.fromisoformat(str(entry["time"])).tzinfo is not None

    async def test_a_change_without_a_principal_has_no_actor(self, sessions: db.Sessions) -> None:
        async with sessions.begin() as session:
            await audit.record(session, action="expire", subject_type="run", subject_id="r")
            (row,) = await outbox.take(session, Class.AUDIT, 10)

        assert Struct.FromString(row.payload)["actor"] is None
