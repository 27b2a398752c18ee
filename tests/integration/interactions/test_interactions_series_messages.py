"""Messages in a series: each occurrence sends itself, to each contact once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import follow_up_pb2, series_pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_pb
from crm.interactions.v1 import series_service_pb2 as pb2
from google.protobuf.field_mask_pb2 import FieldMask

from chassis import errors
from services.interactions.usecases import deliveries
from tests.integration.interactions.delivery_parts import Sending, planned_mail
from tests.integration.interactions.house import SERVICE, person, somebody_waits
from tests.integration.interactions.series_parts import AHEAD, at, rule
from tests.integration.interactions.test_interactions_expansion import as_if_made_days_ago, work
from tests.integration.serving import refused

AFTER = series_pb2.AfterOrderRule(days=1, time_of_day="09:00")


def given(*contacts: str, **more: Any) -> series_pb2.Series:
    """A series of three mails, from the day after tomorrow at nine on."""
    mail = planned_mail(**{name: more.pop(name) for name in ("skip_if_later",) if name in more})
    said = {"title": mail.title, "type": mail.type, "message": mail.message, **more}
    if "after_order" not in said:
        said.setdefault("calendar", rule("FREQ=DAILY;COUNT=3"))
    return series_pb2.Series(contact_ids=contacts, **said)


async def make(parts: Sending, *contacts: str, who: Any = SERVICE, **more: Any) -> Any:
    request = pb2.CreateSeriesRequest(series=given(*contacts, **more))
    return await parts.series(who).CreateSeries(request)


async def update(parts: Sending, made: Any, **change: Any) -> Any:
    request = pb2.UpdateSeriesRequest(
        series=series_pb2.Series(id=made.id, **change), update_mask=FieldMask(paths=change)
    )
    return await parts.series().UpdateSeries(request)


async def planned(parts: Sending) -> list[Any]:
    return await parts.sql("SELECT * FROM follow_ups ORDER BY recurrence_time, id")


async def send(parts: Sending) -> list[tuple[UUID, UUID]]:
    """Has two replicas hand over what is due; returns whom the notifier has a message for."""
    await asyncio.gather(parts.courier().round(), parts.courier().round())
    sent = await parts.notifier.sql("SELECT request_id FROM message_keys")
    return sorted((UUID(each[1]), UUID(each[2])) for each in (it[0].split(":") for it in sent))


def saying(text: str) -> follow_up_pb2.FollowUpMessage:
    return planned_mail(text=text).message


class TestSending:
    @pytest.mark.parametrize("size", [1, 3])
    async def test_each_contact_gets_each_occurrence_once_however_often_it_is_planned(
        self, parts: Sending, size: int
    ) -> None:
        contacts = sorted(parts.contact() for _ in range(size))
        made = await make(parts, *contacts)
        assert (made.message.text, len(await planned(parts))) == (planned_mail().message.text, 3)
        await as_if_made_days_ago(parts, 3)

        await asyncio.gather(work(parts), work(parts))
        first = await send(parts)
        await parts.sql("UPDATE series SET cursor_local = start_local, cursor_passed = 0,"
                        " due_time = now()")  # fmt: skip
        await work(parts)

        due = [it for it in await planned(parts) if it.status == "open"]
        assert 1 <= len(due) <= 2
        assert first == sorted((it.id, UUID(who)) for it in due for who in contacts)
        assert [it.contact_count for it in due] == [size] * len(due)
        assert await send(parts) == first
        assert len(await planned(parts)) == 3

    async def test_after_an_order_its_contact_gets_one(self, parts: Sending) -> None:
        contacts = [parts.contact() for _ in range(2)]
        await make(parts, *contacts, after_order=AFTER)
        await parts.sql(
            "INSERT INTO facts (contact_id, id, time, kind, resource_id, details, version) VALUES"
            " (:who, :id, :time, 'transaction', 'x', '{\"type\": \"order\"}', '1')",
            who=UUID(contacts[0]), id=uuid4(), time=at(-1),
        )  # fmt: skip
        await parts.sql("UPDATE series SET due_time = now()")

        await work(parts)

        waiting = await parts.sql("SELECT contact_id, due_time FROM deliveries")
        assert waiting == [(UUID(contacts[0]), at(0))]

    async def test_late_ones_follow_the_policy_once(self, parts: Sending) -> None:
        await make(parts, parts.contact(), parts.contact(), skip_if_later=timedelta(hours=1))
        await as_if_made_days_ago(parts, 10)
        await work(parts)

        assert await send(parts) == []

        told = [(it.status, it.outcome) for it in await planned(parts)]
        assert told == [("completed", "sent 0, skipped 2, failed 0, in doubt 0")] * 3
        assert await parts.sql("SELECT DISTINCT reason FROM deliveries") == [("TOO_LATE",)]
        await work(parts)
        assert len(await planned(parts)) == 3

    async def test_what_its_day_gave_before_it_was_made_is_not_sent(self, parts: Sending) -> None:
        begun = rule("FREQ=DAILY;COUNT=1", start=AHEAD - timedelta(days=2, hours=9))

        await make(parts, parts.contact(), calendar=begun)

        assert await planned(parts) == []

    async def test_to_a_segment_as_it_is_when_an_occurrence_is_due(self, parts: Sending) -> None:
        await make(parts, segment_id=str(uuid4()), calendar=rule("FREQ=DAILY;COUNT=1"))
        await as_if_made_days_ago(parts, 3)
        await asyncio.gather(work(parts), work(parts))
        parts.audiences.segment = sorted(parts.contact() for _ in range(3))

        assert await parts.resolver().round()
        assert not await parts.resolver().round()

        [only] = await planned(parts)
        assert await send(parts) == [(only.id, UUID(who)) for who in parts.audiences.segment]


class TestPause:
    async def test_a_paused_one_sends_nothing(self, parts: Sending) -> None:
        made = await make(parts, parts.contact(), parts.contact())
        await as_if_made_days_ago(parts, 3)
        await work(parts)

        await parts.series().PauseSeries(pb2.PauseSeriesRequest(id=made.id))
        await work(parts)

        assert await send(parts) == []
        told = {(it.status, it.outcome) for it in await planned(parts)}
        assert told == {("cancelled", "series paused")}
        assert await parts.sql("SELECT DISTINCT state, reason FROM deliveries") == [
            ("skipped", "CANCELLED")
        ]

    async def test_what_a_courier_takes_meanwhile_is_not_planned_anew(self, parts: Sending) -> None:
        """The courier's clock may be ahead of the transaction that changes the series."""
        made = await make(parts, parts.contact(), parts.contact())
        first = (await planned(parts))[0]
        await parts.sql("UPDATE deliveries SET try_time = now() WHERE follow_up_id = :id",
                        id=first.id)  # fmt: skip

        async with parts.sessions.begin() as courier:
            taken = await deliveries.claim(courier, 1, timedelta(minutes=1))
            changing = asyncio.create_task(update(parts, made, title="Khác"))
            await somebody_waits(parts.sessions)
        await changing

        assert taken is not None
        after = await planned(parts)
        assert [it.title for it in after] == ["Chăm sóc", "Khác", "Khác"]
        assert (after[0].id, len(after)) == (first.id, 3)


class TestDelete:
    async def test_what_is_not_handed_over_goes_no_more_and_the_rest_is_counted(
        self, parts: Sending
    ) -> None:
        gone, kept = sorted(parts.contact() for _ in range(2))
        made = await make(parts, gone, kept)
        await make(parts, parts.contact())  # of another series, and not to be counted
        await as_if_made_days_ago(parts, 3)
        await work(parts)
        await parts.sql(
            "UPDATE deliveries SET try_time = now() + interval '1 hour' WHERE contact_id = :id",
            id=UUID(kept),
        )
        before = await send(parts)

        answer = await parts.series().DeleteSeries(pb2.DeleteSeriesRequest(id=made.id))
        await parts.sql(
            "UPDATE deliveries SET try_time = now() WHERE contact_id = :id", id=UUID(kept)
        )
        await work(parts)

        assert await send(parts) == before
        theirs = [it for it in await planned(parts) if it.series_id == UUID(made.id)]
        assert {who for id_, who in before if id_ in {it.id for it in theirs}} == {UUID(gone)}
        assert answer.handed_over_count == len(theirs) > 0
        assert {(it.status, it.outcome) for it in theirs} == {("cancelled", "series deleted")}
        assert [tuple(it) for it in await parts.sql(
            "SELECT DISTINCT state, reason FROM deliveries WHERE contact_id = :id", id=UUID(kept)
        )] == [("skipped", "CANCELLED")]  # fmt: skip

    async def test_to_a_segment_that_was_not_looked_up_yet_none_goes(self, parts: Sending) -> None:
        parts.audiences.segment = [parts.contact()]
        made = await make(parts, segment_id=str(uuid4()))
        await as_if_made_days_ago(parts, 3)
        await work(parts)

        answer = await parts.series().DeleteSeries(pb2.DeleteSeriesRequest(id=made.id))
        await work(parts)
        await parts.resolver().round()

        assert await send(parts) == []
        assert answer.handed_over_count == 0
        assert {it.status for it in await planned(parts)} <= {"cancelled"}


class TestChanging:
    async def test_this_following_and_all(self, parts: Sending) -> None:
        made = await make(parts, parts.contact(), parts.contact())
        this = (await planned(parts))[0]
        change = follow_up_pb2.FollowUp(id=str(this.id), message=saying("this"))
        await parts.follow_ups().UpdateFollowUp(follow_up_pb.UpdateFollowUpRequest(
            follow_up=change, update_mask=FieldMask(paths=["message"])
        ))  # fmt: skip

        await update(parts, made, message=saying("all"))
        split = pb2.SplitSeriesRequest(
            id=made.id, series=series_pb2.Series(message=saying("following")),
            update_mask=FieldMask(paths=["message"]),
        )  # fmt: skip
        split.recurrence_time.FromDatetime(at(2))
        await parts.series().SplitSeries(split)

        texts = [it.message["text"] for it in await planned(parts)]
        assert texts == ["this", "all", "following"]

    async def test_another_contact_leaves_one_that_was_edited_to_the_first(
        self, parts: Sending
    ) -> None:
        """Planned anew for both, the first would get its message twice."""
        an, ba = parts.contact(), parts.contact()
        made = await make(parts, an)
        edited = (await planned(parts))[0]
        change = follow_up_pb2.FollowUp(id=str(edited.id), title="Riêng")
        await parts.follow_ups().UpdateFollowUp(
            follow_up_pb.UpdateFollowUpRequest(follow_up=change)
        )

        await update(parts, made, contact_ids=[an, ba])

        assert [it.contact_count for it in await planned(parts)] == [1, 2, 2]

    async def test_a_deleted_one_to_several_is_not_planned_again(self, parts: Sending) -> None:
        made = await make(parts, parts.contact(), parts.contact())
        first = (await planned(parts))[0]
        request = follow_up_pb.DeleteFollowUpRequest(id=str(first.id))
        await parts.follow_ups().DeleteFollowUp(request)

        await update(parts, made, title="Khác")

        assert [it.recurrence_time for it in await planned(parts)] == [at(1), at(2)]


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"type": follow_up_pb2.FOLLOW_UP_TYPE_CALL}, "series.message"),
            ({"type": follow_up_pb2.FOLLOW_UP_TYPE_SMS}, "series.message"),
            ({"segment_id": str(uuid4()), "contact_ids": [str(uuid4())]}, "series.contact_ids[0]"),
            ({"segment_id": str(uuid4()), "after_order": AFTER}, "series.segment_id"),
            ({"segment_id": "x"}, "series.segment_id"),
            ({"message": None, "segment_id": str(uuid4())}, "series.segment_id"),
            ({"message": saying("{{ nobody }}")}, "series.message.text"),
            ({"contact_ids": []}, "series.contact_ids"),
        ],
    )
    async def test_what_does_not_go_together_is_named_and_nothing_changes(
        self, parts: Sending, change: dict[str, Any], field: str
    ) -> None:
        made = await make(parts, parts.contact())

        reason = "TEMPLATE_REFUSED" if field.endswith("text") else "FIELDS_INVALID"
        with refused(errors.InvalidArgument, reason) as refusal:
            await update(parts, made, **change)

        assert field in refusal.fields()
        assert {it.revision for it in await planned(parts)} == {1}

    async def test_a_segment_needs_the_sight_of_everybody(self, parts: Sending) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await make(parts, who=person("own"), segment_id=str(uuid4()))
