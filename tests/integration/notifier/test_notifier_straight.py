"""A chunk goes straight to the wire while the window has room for it, and only then."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.notifier.consumers import Bulk
from services.notifier.domain.states import Channel, Purpose, RunState, State
from services.notifier.messages.chunks import Chunk, RunControl
from services.notifier.storage import suppressions
from services.notifier.storage.intake import New
from services.notifier.usecases import intake
from services.notifier.workers.engine import Engine
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    DAY,
    House,
    MailServer,
    make_chunk,
    people,
)


class Scene:
    """A run whose first message was sent, and an engine that waits for the next chunk."""

    def __init__(self, house: House, mail: MailServer, engine: Engine, run: uuid.UUID) -> None:
        self.house, self.mail, self.engine, self.run = house, mail, engine, run

    async def take(self, chunk: Chunk) -> int | None:
        """What the engine says to a chunk."""
        return await self.engine.take(chunk)

    def chunk(self, addresses: Sequence[str], **told: Any) -> Chunk:
        """A chunk of the run."""
        return make_chunk(self.run, addresses, **told)

    async def steer(self, state: RunState, epoch: int) -> None:
        """What campaigns says of the run."""
        told = RunControl(self.run, DAY, epoch, state, Channel.EMAIL, Purpose.CARE, None)
        async with self.house.sessions.begin() as session:
            await intake.steer(session, told)

    async def claims(self) -> int:
        """How many claims are left."""
        return int((await self.house.sql("SELECT count(*) FROM claims"))[0][0])


@pytest.fixture
async def scene(house: House, mail: MailServer) -> Scene:
    run = await house.take(["first@example.vn"])
    engine = house.engine(mail.wire(connections=4, window=200))
    await house.until(run, {State.ACCEPTED: 1})
    engine._room._window._size = 200.0
    return Scene(house, mail, engine, run)


class TestStraight:
    async def test_a_chunk_is_stored_with_its_attempts_and_sent(self, scene: Scene) -> None:
        assert await scene.take(scene.chunk(list(people(100)))) == 100

        await scene.house.until(scene.run, {State.ACCEPTED: 101})
        assert sorted(scene.mail.taken[1:]) == sorted(people(100))
        # As if it had waited: revision 1 queued, 2 tried, 3 taken.
        rows = await scene.house.sql(
            "SELECT DISTINCT revision, attempts, attempt_outcome, provider FROM messages"
        )
        assert [tuple(it) for it in rows] == [(3, 1, 8, "smtp")]
        await scene.house.eventually("SELECT 1 WHERE NOT EXISTS (SELECT FROM claims)")

    async def test_its_rows_are_what_the_ordinary_way_would_store(self, scene: Scene) -> None:
        def person(n: int, contact: uuid.UUID | None, *values: str) -> New:
            address = f"Đào{n}@Example.vn"
            return New(
                uuid.UUID(int=n), contact, address, address.lower(), "Asia/Tokyo", "", values
            )

        ends = datetime(2099, 1, 2, 3, 4, 5, 678901, UTC)
        values = ['"Bé" \\ {x}, NULL\n']
        one, other = person(1, uuid.UUID(int=7), *values), person(2, None, "")
        straight = scene.chunk([], not_after=ends)
        ordinary = make_chunk(uuid.uuid4(), [], not_after=ends)

        took = await scene.take(replace(straight, recipients=(one, other)))
        async with scene.house.sessions.begin() as session:
            await intake.take(
                session,
                replace(
                    ordinary,
                    recipients=tuple(
                        it._replace(message_id=uuid.UUID(int=it.message_id.int + 10))
                        for it in (one, other)
                    ),
                ),
            )

        assert took == 2
        columns = """contact_id, channel, purpose, advertiser_id, sender_identity_id, content_hash,
            address, address_key, time_zone, locale, values, not_after, not_before, doubt_since"""
        of = f"SELECT {columns} FROM messages WHERE message_id IN"  # noqa: S608 (constants)
        stored = await scene.house.sql(
            f"{of} (:a, :b) ORDER BY address", a=uuid.UUID(int=1), b=uuid.UUID(int=2)
        )
        wanted = await scene.house.sql(
            f"{of} (:a, :b) ORDER BY address", a=uuid.UUID(int=11), b=uuid.UUID(int=12)
        )
        assert [tuple(it) for it in stored] == [tuple(it) for it in wanted]
        assert stored[0].values == values

    async def test_a_chunk_of_which_a_part_is_known_goes_the_ordinary_way(
        self, scene: Scene
    ) -> None:
        chunk = scene.chunk(["first@example.vn", "second@example.vn"])

        assert await scene.take(chunk) is None

        assert await scene.house.counts(scene.run) == {State.ACCEPTED: 1}
        assert await scene.claims() == 0

    async def test_a_chunk_that_comes_again_is_sent_once(self, scene: Scene) -> None:
        taker = Bulk(
            scene.house.settings,
            scene.house.sessions,
            None,  # type: ignore[arg-type]
            scene.engine.nudge,
            [scene.engine.take],
        )
        chunk = scene.chunk(list(people(50)))
        for _ in range(3):
            await taker._store(chunk)

        await scene.house.until(scene.run, {State.ACCEPTED: 51})
        assert sorted(scene.mail.taken[1:]) == sorted(people(50))

    async def test_who_may_not_be_written_to_is_skipped(self, scene: Scene) -> None:
        async with scene.house.sessions.begin() as session:
            await suppressions.add(session, suppressed("nguoi7@example.vn"))

        assert await scene.take(scene.chunk(list(people(20)))) == 20

        await scene.house.until(scene.run, {State.ACCEPTED: 20, State.SKIPPED: 1})
        assert "nguoi7@example.vn" not in scene.mail.envelopes
        await scene.house.eventually("SELECT 1 WHERE NOT EXISTS (SELECT FROM claims)")

    async def test_what_cannot_be_written_now_is_tried_again_once(self, scene: Scene) -> None:
        names = [*people(5), "later@example.vn", "refuse@example.vn"]

        assert await scene.take(scene.chunk(names)) == 7

        await scene.house.until(scene.run, {State.ACCEPTED: 6, State.DEFERRED: 1, State.FAILED: 1})
        waiting = await scene.house.sql("SELECT count(*) FROM ready")
        assert waiting[0][0] == 1

    async def test_a_killed_worker_leaves_doubt_where_it_had_begun_and_nothing_is_sent_twice(
        self, scene: Scene
    ) -> None:
        scene.mail.hold.clear()
        assert await scene.take(scene.chunk(list(people(30)))) == 30
        await scene.house.until(scene.run, {State.ACCEPTED: 1, State.SUBMITTING: 30})
        scene.house.kill(scene.engine)
        scene.house.sweeper()

        await scene.house.until(scene.run, {State.ACCEPTED: 1, State.IN_DOUBT: 30})

        assert await scene.claims() == 0
        assert len(set(scene.mail.envelopes)) == len(scene.mail.envelopes)

    async def test_what_waits_in_the_line_and_what_goes_straight_are_each_sent_once(
        self, scene: Scene
    ) -> None:
        scene.mail.hold.clear()
        assert await scene.take(scene.chunk(list(people(40, "one")))) == 40
        # Stopped in between: what was not written comes back, ahead of what the line has claimed.
        await scene.house.take(list(people(40, "two")), run_id=scene.run)
        await scene.steer(RunState.PAUSED, 2)
        scene.mail.hold.set()
        await scene.house.eventually(
            "SELECT 1 WHERE NOT EXISTS (SELECT FROM messages m WHERE state = 2)"
        )
        await scene.steer(RunState.ACTIVE, 3)
        await scene.house.take(list(people(40, "three")), run_id=scene.run, epoch=3)
        await scene.take(scene.chunk(list(people(40, "four")), epoch=3))

        sent = len(await scene.house.sql("SELECT 1 FROM messages"))
        assert sent in (121, 161)  # with or without the last chunk
        await scene.house.until(scene.run, {State.ACCEPTED: sent})
        assert len(set(scene.mail.taken)) == len(scene.mail.taken) == sent


class TestDeclined:
    async def test_a_paused_run_takes_nothing_straight(self, scene: Scene) -> None:
        await scene.steer(RunState.PAUSED, 2)

        assert await scene.take(scene.chunk(["x@example.vn"])) is None
        assert await scene.house.counts(scene.run) == {State.ACCEPTED: 1}

    async def test_neither_does_one_nobody_knows_yet(self, scene: Scene) -> None:
        chunk = make_chunk(uuid.uuid4(), ["x@example.vn"])

        assert await scene.take(chunk) is None

    async def test_nor_one_of_another_content_or_epoch(self, scene: Scene) -> None:
        assert await scene.take(scene.chunk(["x@example.vn"], content_hash="other")) is None
        assert await scene.take(scene.chunk(["x@example.vn"], epoch=2)) is None

    async def test_a_chunk_larger_than_the_window_goes_the_ordinary_way(self, scene: Scene) -> None:
        assert await scene.take(scene.chunk(list(people(190)))) is None

    async def test_advertising_waits_for_fresh_news_of_withdrawals(
        self, scene: Scene, house: House
    ) -> None:
        run = await house.take(["a@example.vn"], purpose=Purpose.MARKETING)

        chunk = make_chunk(run, ["b@example.vn"], purpose=Purpose.MARKETING)

        assert await scene.take(chunk) is None


def suppressed(address: str) -> suppressions.Suppression:
    """A suppression by an operator."""
    return suppressions.Suppression(
        id=uuid.uuid4(),
        channel=Channel.EMAIL,
        address=address,
        address_key=address,
        advertiser_id=ADVERTISER,
        purpose=0,
        reason="operator",
        evidence="",
        contact_id=None,
        actor="test",
        expires_at=None,
        created_at=datetime.now(UTC),
    )
