"""Of a person whose rounds follow each other only what is new is read."""

from uuid import UUID

from chassis.db import Sessions
from services.erasing import Erased, Person
from services.erasure_traces import Traces
from tests.integration.chassis.test_db_traces import event, left

BEGAN = 2_000_000_000
OLD, NEW = (UUID(int=seconds * 1_000 << 80) for seconds in (BEGAN - 7_200, BEGAN - 1_800))
HOA = Person((UUID(int=1),), emails=("hoa@example.vn",))


class Clock:
    """A time in seconds that tests set."""

    def __init__(self) -> None:
        self.now = float(BEGAN)

    def __call__(self) -> float:
        return self.now


async def erase(traces: Traces, person: Person = HOA) -> Erased:
    erased = Erased()
    await traces.erase(person, erased)
    return erased


class TestRounds:
    async def test_the_second_reads_from_an_hour_before_the_first(self, sessions: Sessions) -> None:
        clock = Clock()
        traces = Traces(sessions, clock)
        await erase(traces)
        await event(sessions, b"old hoa@example.vn", its_id=OLD)
        await event(sessions, b"new hoa@example.vn", its_id=NEW)

        clock.now += 60
        second = await erase(traces)
        assert second.counts["outbox"] == 1
        assert await left(sessions, "SELECT id FROM outbox") == [OLD]

        other = await erase(traces, Person((UUID(int=2),), emails=("hoa@example.vn",)))
        assert other.counts["outbox"] == 1

    async def test_after_ten_minutes_all_is_read_again(self, sessions: Sessions) -> None:
        clock = Clock()
        traces = Traces(sessions, clock)
        await erase(traces)
        await event(sessions, b"hoa@example.vn", its_id=OLD)

        clock.now += 601

        assert (await erase(traces)).counts["outbox"] == 1

    async def test_while_something_waits_all_is_read_again(self, sessions: Sessions) -> None:
        clock = Clock()
        traces = Traces(sessions, clock)
        await event(sessions, b"hoa@example.vn", published=False)
        waiting = await erase(traces)
        await event(sessions, b"hoa@example.vn", its_id=OLD)

        clock.now += 60
        again = await erase(traces)

        assert (waiting.waiting, again.waiting) == (1, 1)
        assert again.counts["outbox"] == 1
