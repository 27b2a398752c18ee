"""A run's report: it sums at every poll, and each figure opens its rows."""

import asyncio
from uuid import UUID, uuid4

import pytest
from crm.campaigns.v1 import campaign_pb2, run_pb2, run_service_pb2
from crm.notifier.v1 import message_pb2
from google.protobuf.struct_pb2 import Struct

from chassis import errors
from chassis.context import Principal
from services.campaigns.messages import work
from services.campaigns.storage import runs
from services.campaigns.usecases import progress
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.desk import Desk
from tests.integration.campaigns.house import House, member
from tests.integration.serving import refused

R = run_pb2
READER = Principal(
    str(uuid4()), "user", rights={"campaigns": {"read": "all"}, "messages": {"read": "all"}}
)


async def told(
    house: House, run: R.Run, which: slice, state: str, reason: str, revision: int
) -> None:
    """Applies a report about some of a run's messages."""
    rows = await house.rows(
        "SELECT message_id FROM recipients WHERE message_id IS NOT NULL ORDER BY ordinal"
    )
    number = message_pb2.MessageState.Value(f"MESSAGE_STATE_{state}")
    some = [row[0].bytes for row in rows[which]]  # type: ignore[attr-defined]
    event = desks.report(run, some, number, reason=reason, revision=revision)
    async with house.sessions.begin() as session:
        await progress.apply(session, [work.report(event.SerializeToString())])


def of(run: R.Run) -> dict[tuple[str, str], int]:
    """A run's reasons."""
    name = R.RecipientState.Name
    return {(name(it.state)[16:], it.reason): it.count for it in run.reasons}


async def exported(house: House, **given: object) -> list[R.Recipient]:
    """All that an export sends."""
    request = run_service_pb2.ExportRecipientsRequest(**given)  # type: ignore[arg-type]
    return [it async for part in house.runs.ExportRecipients(request) for it in part.recipients]


class TestLocks:
    async def test_a_report_with_reasons_does_not_wait_for_who_holds_the_run(
        self, house: House
    ) -> None:
        run = await house.planned([member(1), member(2)])
        async with house.sessions.begin() as handing_over:
            assert await runs.try_lock(handing_over, UUID(run.id)) is not None
            # Who hands over waits for the counters that a report holds until its end.
            async with asyncio.timeout(10):
                await told(house, run, slice(1), "FAILED", "RENDER_FAILED", 2)

        assert of(await house.get(run)) == {("FAILED", "RENDER_FAILED"): 1}


class TestEveryPoll:
    async def test_it_sums_at_every_poll_while_a_run_is_on(
        self, house: House, desk: Desk, at_work: None
    ) -> None:
        people = [member(n, consented=n % 7 != 0) for n in range(1, 2_401)]
        house.people.batch = 200
        run = await house.run_of(people)
        polls, over = 0, asyncio.Event()
        seen: set[tuple[int, ...]] = set()

        async def poll() -> None:
            nonlocal polls
            while not over.is_set():
                found = await house.get(run)  # asserts both sums
                for (state, _), count in of(found).items():
                    assert 0 <= count <= getattr(found.counts, state.lower())
                seen.add((found.audience, *(value for _, value in found.counts.ListFields())))
                polls += 1

        polling = [asyncio.create_task(poll()) for _ in range(3)]
        try:
            await self._answer(house, desk, run)
        finally:
            over.set()
            await asyncio.gather(*polling)

        end = await house.get(run)
        assert (end.audience, end.planned) == (2_400, 2_058)
        assert end.state == campaign_pb2.RUN_STATE_COMPLETED
        assert of(end)["SKIPPED", "CAP"] == end.counts.skipped > 0
        assert polls > 30
        assert len(seen) > 5

    async def _answer(self, house: House, desk: Desk, run: R.Run) -> None:
        """Plays the notifier until the run is over, with a pause in between."""
        handed = 0
        while handed < 2_058:
            chunk = await desk.take()
            assert chunk is not None
            each = desks.ids(chunk)
            handed += len(each)
            await desk.report(run, each[::2], desks.DEFERRED, reason="OUTSIDE_HOURS")
            await desk.report(run, each[1::2], desks.ACCEPTED)
            await desk.report(run, each[::4], desks.SKIPPED, revision=3, reason="CAP")
            await desk.report(run, each[2::4], desks.DELIVERED, revision=4)
            if handed < 1_100:
                asked = run_service_pb2.PauseRunRequest(id=run.id)
                await house.becomes(run, lambda it: it.state == campaign_pb2.RUN_STATE_SENDING)
                await house.runs.PauseRun(asked)
                await house.runs.ResumeRun(run_service_pb2.ResumeRunRequest(id=run.id))
        await house.becomes(run, lambda it: it.HasField("end_time"))


class TestReasons:
    async def test_each_state_is_divided_by_reason_as_reports_come(self, house: House) -> None:
        run = await house.planned([member(n) for n in range(1, 7)])

        await told(house, run, slice(0, 4), "DEFERRED", "OUTSIDE_HOURS", 2)
        await told(house, run, slice(4, 6), "SKIPPED", "CAP", 2)
        before = of(await house.get(run))
        await told(house, run, slice(0, 2), "DEFERRED", "PROVIDER_BUSY", 3)
        await told(house, run, slice(2, 3), "ACCEPTED", "", 3)
        await told(house, run, slice(3, 4), "SKIPPED", "CAP", 3)
        await told(house, run, slice(3, 4), "DEFERRED", "OUTSIDE_HOURS", 2)  # old news

        assert before == {("DEFERRED", "OUTSIDE_HOURS"): 4, ("SKIPPED", "CAP"): 2}
        assert of(await house.get(run)) == {("DEFERRED", "PROVIDER_BUSY"): 2, ("SKIPPED", "CAP"): 3}

    @pytest.mark.parametrize("count", [3, 40])
    async def test_news_told_together_counts_whatever_is_new_of_it(
        self, house: House, count: int
    ) -> None:
        run = await house.planned([member(n) for n in range(1, count + 1)])
        rows = await house.rows("SELECT message_id FROM recipients ORDER BY ordinal")
        ids = [row[0].bytes for row in rows]  # type: ignore[attr-defined]
        await told(house, run, slice(1), "BOUNCED", "newer", 9)
        first, second, known = (
            desks.report(run, [], message_pb2.MESSAGE_STATE_QUEUED) for _ in range(3)
        )
        for number, each in enumerate(ids):
            reason = f'a "{number}" \\ b'
            failed = desks.report(run, [each], message_pb2.MESSAGE_STATE_FAILED, reason=reason)
            first.groups.extend(failed.groups)
        second.MergeFrom(desks.report(run, ids[1:2], desks.ACCEPTED, revision=3))
        known.MergeFrom(desks.report(run, [uuid4().bytes], desks.ACCEPTED, revision=3))
        reports = [work.report(it.SerializeToString()) for it in (second, first, known)]

        async with house.sessions.begin() as session:
            moved = await progress.apply(session, reports)
        async with house.sessions.begin() as session:
            again = await progress.apply(session, reports)

        found = await house.rows("SELECT state, reason, revision FROM recipients ORDER BY ordinal")
        failed_rows = [("FAILED", f'a "{n}" \\ b', 2) for n in range(2, count)]
        assert found == [("BOUNCED", "newer", 9), ("ACCEPTED", "", 3), *failed_rows]
        assert (moved, again) == (count - 1, 0)
        because = {("FAILED", reason): 1 for _, reason, _ in failed_rows}
        assert of(await house.get(run)) == {("BOUNCED", "newer"): 1} | because

    async def test_those_that_do_not_pass_with_time_are_said_to_last(self, house: House) -> None:
        run = await house.planned([member(n) for n in range(1, 7)])

        await told(house, run, slice(0, 2), "SKIPPED", "CAP", 2)
        await told(house, run, slice(2, 4), "SKIPPED", "WITHDRAWN", 2)
        await told(house, run, slice(4, 6), "BOUNCED", "ADDRESS_INVALID", 2)

        reasons = (await house.get(run)).reasons
        assert {it.reason for it in reasons if it.lasting} == {"WITHDRAWN", "ADDRESS_INVALID"}
        assert {it.reason for it in reasons if not it.lasting} == {"CAP"}


class TestExport:
    async def test_every_row_of_a_figure_is_sent_and_noted(self, house: House) -> None:
        people = [member(n, gone=n > 1_203) for n in range(1, 1_206)]
        run = await house.planned(people)
        await told(house, run, slice(0, 1_200), "FAILED", "PROVIDER_REFUSED", 2)

        everybody = await exported(house, run_id=run.id)
        failed = await exported(house, run_id=run.id, states=[R.RECIPIENT_STATE_FAILED])
        gone = await exported(
            house, run_id=run.id, states=[R.RECIPIENT_STATE_EXCLUDED], reason="CONTACT_GONE"
        )

        assert (len(everybody), len(failed), len(gone)) == (1_205, 1_200, 2)
        assert len({it.contact_id for it in everybody}) == 1_205
        rows = await house.rows(
            "SELECT payload FROM outbox WHERE class = 'audit' AND key = :key ORDER BY id",
            key=f"run/{run.id}",
        )
        entries = [Struct.FromString(bytes(it[0])) for it in rows]  # type: ignore[index]
        noted = [it["after"] for it in entries if it["action"] == "run.export"]
        assert [(list(it["states"]), it["reason"], it["recipients"]) for it in noted] == [
            ([], "", 1_205),
            (["FAILED"], "", 1_200),
            (["EXCLUDED"], "CONTACT_GONE", 2),
        ]

    async def test_it_needs_the_right_to_export(self, house: House) -> None:
        run = await house.planned([member(1)])

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await exported(house.call(READER), run_id=run.id)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await exported(house, run_id=str(uuid4()))
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await exported(house, run_id="x")
