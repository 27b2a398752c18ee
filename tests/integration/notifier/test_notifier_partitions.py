"""What runs for every message touches the partition of its day and no other, by its plan."""

import uuid
from datetime import date, timedelta

from services.notifier.domain.states import Next, State
from services.notifier.storage import attempts, claims, evidence, lapses, lookups, runs
from services.notifier.storage.attempts import Outcome
from services.notifier.storage.claims import Holder
from tests.integration.explained import Explained
from tests.integration.notifier.notifier_parts import House, people

DAYS = [date(2027, 3, 1) + timedelta(days=n) for n in range(5)]
DAY = DAYS[2]
HOLDER = Holder("w1", 30.0)


async def test_claim_open_settle_reap_and_reading_by_run_stay_in_their_day(house: House) -> None:
    """A message looked up by its id alone is the exception: one probe of an index a day."""
    runs_of = {day: await house.take(list(people(30)), run_date=day) for day in DAYS}
    run_id, seen = runs_of[DAY], Explained()

    async with house.sessions.begin() as session:
        run = await runs.get(session, run_id)
        assert run is not None
        claim, claimed = await claims.claim_run(seen.watch(session), run, 20, HOLDER)
        assert len(claimed) == 20
    async with house.sessions.begin() as session:
        opened = await attempts.open_all(
            seen.watch(session), claimed, provider="smtp", worker=HOLDER.worker
        )
        assert len(opened) == 20
    async with house.sessions.begin() as session:
        again = Next(State.DEFERRED, not_before=claimed[0].created_at)
        taken = Next(State.ACCEPTED)
        outcomes = [
            Outcome(it.key, run_id, 1, again if place < 3 else taken)
            for place, it in enumerate(claimed[:10])
        ]
        assert len(await attempts.settle(seen.watch(session), outcomes)) == 10
    async with house.sessions.begin() as session:
        second, of_ids = await claims.claim_run(seen.watch(session), run, 20, HOLDER)
        assert len(of_ids) == 3
        await attempts.open_all(session, of_ids, provider="smtp", worker=HOLDER.worker)
        for each in (claim, second):
            lapsed = await lapses.locked(session, each)
            await attempts.reap(session, lapsed)
            await claims.free(session, lapsed)
    async with house.sessions.begin() as session:
        seen.watch(session)
        assert sum((await lookups.counts(session, run_id)).values()) == 30
        await lookups.page(session, lookups.Filter(run_id=run_id), (), 10)
        await lookups.known(session, run_id, [uuid.uuid5(run_id, "x")])
        await lookups.attempts(session, claimed[0].key)
        await evidence.attempts(session, [it.key for it in claimed])

    assert len(seen.days) >= 15
    assert sum(statement.startswith("UPDATE messages") for statement, _ in seen.days) >= 3
    assert seen.beyond(f"{DAY:%Y%m%d}") == []
    async with house.sessions.begin() as session:
        await lookups.get(seen.watch(session), claimed[0].key.message_id)
    ((_, days),) = seen.beyond(f"{DAY:%Y%m%d}")
    assert len(days) > 1  # from the newest day back, until it is found
