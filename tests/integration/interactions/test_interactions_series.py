"""Series: seeing, changing, deleting, pausing, and what one would plan."""

from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2
from crm.interactions.v1 import series_service_pb2 as pb2
from crm.interactions.v1.series_pb2 import CalendarRule, Series

from chassis import errors
from services.interactions import workers
from tests.integration.interactions.house import person
from tests.integration.interactions.series_parts import (
    AHEAD,
    ENDED,
    PAUSED,
    at,
    change,
    make,
    move,
    planned,
    rule,
    subjects,
    times,
)
from tests.integration.serving import refused


class TestSee:
    async def test_those_within_reach_newest_first_page_by_page(self, house: Any) -> None:
        me = person("own")
        contact = house.contact(me.subject).id
        mine = [await make(house, me, contact_ids=[contact]) for _ in range(3)]
        await make(house)

        seen, token = [], ""
        while True:
            request = pb2.ListSeriesRequest(page_size=2, page_token=token)
            listed = await house.series(me).ListSeries(request)
            seen += [it.id for it in listed.series]
            token = listed.next_page_token
            if not token:
                break

        assert seen == [it.id for it in reversed(mine)]

    async def test_those_of_a_contact_or_a_colleague(self, house: Any) -> None:
        contact, colleague = house.contact().id, str(uuid4())
        of_contact = await make(house, contact_ids=[contact, house.contact().id])
        of_colleague = await make(house, assignee_ids=[colleague])

        by_contact = await house.series().ListSeries(pb2.ListSeriesRequest(contact_id=contact))
        by_user = await house.series().ListSeries(pb2.ListSeriesRequest(assignee_id=colleague))

        assert [it.id for it in by_contact.series] == [of_contact.id]
        assert [it.id for it in by_user.series] == [of_colleague.id]
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await house.series().ListSeries(pb2.ListSeriesRequest(contact_id="x"))

    async def test_one_beyond_reach_is_none(self, house: Any) -> None:
        made = await make(house)

        for stranger, wanted in ((person("own"), made.id), (person(), str(uuid4()))):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await house.series(stranger).GetSeries(pb2.GetSeriesRequest(id=wanted))
        assert await house.series().GetSeries(pb2.GetSeriesRequest(id=made.id)) == made


class TestUpdate:
    async def test_untouched_future_ones_are_replaced_and_others_stay(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=4"))
        first, second, third, _ = await planned(house, made.id)
        done = follow_up_service_pb2.CompleteFollowUpRequest(id=first.id, outcome="xong")
        await house.follow_ups().CompleteFollowUp(done)
        await move(house, second, timedelta(hours=3))
        await house.follow_ups().DeleteFollowUp(
            follow_up_service_pb2.DeleteFollowUpRequest(id=third.id)
        )

        changed = Series(id=made.id, title="Mới", calendar=rule("FREQ=DAILY;COUNT=5"))
        after = await change(house, changed)

        listed = await planned(house, made.id)
        assert (after.revision, after.calendar.rrule) == (2, "FREQ=DAILY;COUNT=5")
        assert await times(house) == [at(0), at(1), at(3), at(4)]  # the third was deleted
        assert [it.title for it in listed] == ["Hỏi thăm", "Hỏi thăm", "Mới", "Mới"]
        assert listed[0].status == follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED

    async def test_a_moved_one_keeps_its_recurrence_time(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=1"))
        [only] = await planned(house, made.id)

        moved = await move(house, only, timedelta(hours=3))

        assert moved.recurrence_time.ToDatetime(tzinfo=UTC) == at(0)
        assert moved.start_time.ToDatetime(tzinfo=UTC) == at(0) + timedelta(hours=3)

    async def test_other_contacts_get_theirs(self, house: Any) -> None:
        old, new = house.contact().id, house.contact().id
        made = await make(house, contact_ids=[old], calendar=rule("FREQ=DAILY;COUNT=2"))

        await change(house, Series(id=made.id, contact_ids=[new]), "contact_ids")

        assert {it.contact_ids[0] for it in await planned(house, made.id)} == {new}

    async def test_a_bad_rule_changes_nothing(self, house: Any) -> None:
        made = await make(house)
        before = await planned(house)

        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await change(house, Series(id=made.id, calendar=rule("FREQ=SECONDLY")), "calendar")
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await change(house, Series(id=made.id), "after_order")
        with refused(errors.InvalidArgument, "UPDATE_MASK_INVALID"):
            await change(house, Series(id=made.id), "state")

        assert await planned(house) == before

    async def test_a_stale_etag_is_refused(self, house: Any) -> None:
        made = await make(house)
        await change(house, Series(id=made.id, title="Một", etag="1"), "title")

        with refused(errors.Aborted, "ETAG_STALE"):
            await change(house, Series(id=made.id, title="Hai", etag="1"), "title")

    async def test_who_may_only_read_may_not(self, house: Any) -> None:
        made = await make(house)
        reader = person(user_id=str(uuid4()))
        assert reader.rights is not None
        reader.rights["follow_ups"]["write"] = "own"  # type: ignore[index]

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await change(house, Series(id=made.id, title="Một"), "title", who=reader)


class TestDelete:
    async def test_what_nobody_touched_goes_with_it(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=3"))
        first, *_ = await planned(house, made.id)
        await move(house, first, timedelta(hours=1))

        await house.series().DeleteSeries(pb2.DeleteSeriesRequest(id=made.id))

        assert await times(house, made.id) == [at(0)]
        assert await subjects(house) == [
            "OccurrencesPlanned",
            "FollowUpUpdated",
            "OccurrencesDropped",
        ]
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.series().GetSeries(pb2.GetSeriesRequest(id=made.id))


class TestPause:
    async def test_it_plans_none_until_it_resumes(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=3"))
        before = await times(house)

        paused = await house.series().PauseSeries(pb2.PauseSeriesRequest(id=made.id))
        again = await house.series().PauseSeries(pb2.PauseSeriesRequest(id=made.id))
        while_paused = await times(house)
        await change(house, Series(id=made.id, title="Mới"), "title")
        while await workers.expand_batch(house.sessions):
            pass
        still_paused = await times(house)
        resumed = await house.series().ResumeSeries(pb2.ResumeSeriesRequest(id=made.id))

        assert (paused.state, again) == (PAUSED, paused)
        assert while_paused == still_paused == []
        assert resumed.state == ENDED  # all that is left is planned
        assert await times(house) == before
        assert {it.title for it in await planned(house)} == {"Mới"}


class TestPreview:
    async def preview(self, house: Any, given: CalendarRule, count: int = 0) -> list[str]:
        request = pb2.PreviewSeriesRequest(calendar=given, count=count)
        found = (await house.series().PreviewSeries(request)).occurrences
        return [it.local_time for it in found]

    async def test_the_next_times_of_a_rule_not_saved(self, house: Any) -> None:
        listed = await self.preview(house, rule("FREQ=DAILY"), 3)

        assert listed == [(AHEAD + timedelta(days=day)).isoformat() for day in range(3)]
        assert len(await self.preview(house, rule("FREQ=DAILY"))) == 10
        assert len(await self.preview(house, rule("FREQ=DAILY;COUNT=2"))) == 2
        assert await planned(house) == []

    async def test_a_bad_rule_or_count_is_named(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await self.preview(house, rule("FREQ=WEEKLY;BYDAY=XX"), 101)

        assert set(refusal.fields()) == {"calendar.rrule", "count"}
