"""Batches taken back in one act: what nobody touched is cancelled, each once, and figures sum."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import events_pb2, follow_up_batch_pb2, follow_up_pb2
from crm.interactions.v1 import follow_up_batch_service_pb2 as pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_ups_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from chassis import errors, scope
from services.interactions import workers
from services.interactions.usecases import follow_ups, reverting
from services.interactions.workers import batching
from tests.integration.interactions.delivery_parts import Sending
from tests.integration.interactions.house import SERVICE, person, somebody_waits
from tests.integration.interactions.test_interactions_batches import get, make
from tests.integration.serving import refused

RUNNING = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_RUNNING
REVERTING = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_REVERTING
REVERTED = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_REVERTED
UPDATED = events_pb2.FollowUpUpdated.DESCRIPTOR.full_name


async def revert(parts: Sending, made: Any, who: Any = SERVICE) -> Any:
    request = pb2.RevertFollowUpBatchRequest(id=made.id)
    return await parts.batches(who).RevertFollowUpBatch(request)


async def count(parts: Sending, made: Any) -> tuple[int, int]:
    request = pb2.CountFollowUpBatchRevertRequest(id=made.id)
    found = await parts.batches().CountFollowUpBatchRevert(request)
    return found.cancelled_count, found.kept_count


async def whole(parts: Sending, people: int, **more: Any) -> tuple[Any, list[Any]]:
    """A batch that made one for each of so many, in the order of their contacts."""
    made = await make(parts, *(parts.contact() for _ in range(people)), **more)
    assert await parts.maker().round()
    return made, await rows(parts, made)


async def rows(parts: Sending, made: Any) -> list[Any]:
    return await parts.sql(
        "SELECT id, contact_id, status, revision FROM follow_ups WHERE batch_id = :id"
        " ORDER BY contact_id",
        id=UUID(made.id),
    )


async def to_the_end(parts: Sending, limit: int = 500) -> list[int]:
    """How many each page cancelled."""
    pages: list[int] = []
    while (page := await workers.revert_page(parts.sessions, limit)) is not None:
        pages.append(page)
    return pages


async def edit(parts: Sending, row: Any, **change: Any) -> None:
    changed = follow_up_pb2.FollowUp(id=str(row.id), **change)
    mask = FieldMask(paths=list(change))
    request = follow_ups_pb2.UpdateFollowUpRequest(follow_up=changed, update_mask=mask)
    await parts.follow_ups().UpdateFollowUp(request)


def figures(batch: Any) -> tuple[int, ...]:
    assert batch.made_count == batch.cancelled_count + batch.kept_count + batch.gone_count
    return batch.made_count, batch.cancelled_count, batch.kept_count, batch.gone_count


class TestWhatGoes:
    async def test_what_nobody_touched_goes_and_the_figures_sum(self, parts: Sending) -> None:
        made, (done, dropped, edited, moved, gone, free, handed) = await whole(parts, 7)
        other, _ = await whole(parts, 1)
        calls = parts.follow_ups()
        await calls.CompleteFollowUp(
            follow_ups_pb2.CompleteFollowUpRequest(id=str(done.id), outcome="nghe máy")
        )
        await calls.CancelFollowUp(follow_ups_pb2.CancelFollowUpRequest(id=str(dropped.id)))
        await edit(parts, edited, title="Khác")
        await edit(parts, moved, contact_ids=[parts.contact()])
        await calls.DeleteFollowUp(follow_ups_pb2.DeleteFollowUpRequest(id=str(gone.id)))
        # Handing over changes no one's plan: it goes with the others.
        await parts.sql(
            "UPDATE follow_ups SET assignee_ids = :to, revision = 2 WHERE id = :id",
            id=handed.id,
            to=[uuid4()],
        )
        assert await count(parts, made) == (2, 4)

        assert (await revert(parts, made)).state == REVERTING
        assert await to_the_end(parts, 1) == [1, 1, 0]

        after = await get(parts, made)
        assert (after.state, figures(after)) == (REVERTED, (7, 2, 4, 1))
        by_id = {it.id: it for it in await rows(parts, made)}
        assert {by_id[it.id].status for it in (free, handed, dropped)} == {"cancelled"}
        assert by_id[done.id].status == "completed"
        assert {by_id[it.id].status for it in (edited, moved)} == {"scheduled"}
        assert [it.status for it in await rows(parts, other)] == ["scheduled"]
        told = await parts.sql(
            "SELECT key FROM outbox WHERE subject = :subject AND key = ANY(:keys)",
            subject=UPDATED,
            keys=[str(free.id), str(handed.id)],
        )
        assert sorted(it.key for it in told) == sorted([str(free.id), str(handed.id)])

    async def test_what_only_its_time_opened_goes_too(self, parts: Sending) -> None:
        made, (opened, edited) = await whole(parts, 2)
        await edit(parts, edited, title="Khác")
        await parts.sql("UPDATE follow_ups SET start_time = now()")
        async with parts.sessions.begin() as session:
            assert len(await follow_ups.open_due(session, 10)) == 2

        await revert(parts, made)
        await to_the_end(parts)

        assert figures(await get(parts, made)) == (2, 1, 1, 0)
        by_id = {it.id: it.status for it in await rows(parts, made)}
        assert by_id == {opened.id: "cancelled", edited.id: "open"}

    async def test_contacts_have_no_next_step_of_it(self, parts: Sending) -> None:
        made, (row,) = await whole(parts, 1)
        await parts.sql(
            "INSERT INTO reminders VALUES (:id, 10, now() + interval '1 hour')", id=row.id
        )
        query = "SELECT next_follow_up_id AS it FROM contacts WHERE id = :id"
        assert (await parts.sql(query, id=row.contact_id))[0].it == row.id

        await revert(parts, made)
        await to_the_end(parts)

        assert (await parts.sql(query, id=row.contact_id))[0].it is None
        assert await parts.sql("SELECT FROM reminders") == []

    async def test_one_that_is_being_made_makes_no_more(
        self, parts: Sending, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batching, "PAGE", 2)
        made = await make(parts, *(parts.contact() for _ in range(5)))
        whole_page = batching.usecases.make
        pages = 0

        async def between(*given: Any) -> bool:
            nonlocal pages
            pages += 1
            if pages == 2:
                await revert(parts, made)
            return await whole_page(*given)

        monkeypatch.setattr(batching.usecases, "make", between)
        await parts.maker().round()
        await to_the_end(parts)

        after = await get(parts, made)
        assert (after.state, figures(after)) == (REVERTED, (2, 2, 0, 0))
        assert not await parts.maker().round()

    async def test_once_more_and_stopping_change_nothing(self, parts: Sending) -> None:
        made, _ = await whole(parts, 1)
        await revert(parts, made)
        await to_the_end(parts)
        before = await get(parts, made)

        assert await revert(parts, made) == before
        stop = pb2.CancelFollowUpBatchRequest(id=made.id)
        assert await parts.batches().CancelFollowUpBatch(stop) == before
        assert await to_the_end(parts) == []


class TestTogether:
    async def test_a_kill_before_the_commit_loses_and_doubles_nothing(
        self, parts: Sending, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made, _ = await whole(parts, 3)
        await revert(parts, made)

        async def killed(*_: Any) -> None:
            raise asyncio.CancelledError

        with monkeypatch.context() as patch:
            patch.setattr(reverting.standings, "refresh", killed)
            with pytest.raises(asyncio.CancelledError):
                await workers.revert_page(parts.sessions, 2)
        assert (await get(parts, made)).cancelled_count == 0

        assert await to_the_end(parts, 2) == [2, 1, 0]
        assert {(it.status, it.revision) for it in await rows(parts, made)} == {("cancelled", 2)}

    async def test_several_replicas_share_batches_and_none_is_done_twice(
        self, parts: Sending
    ) -> None:
        batches = [(await whole(parts, 4))[0] for _ in range(3)]
        for made in batches:
            await revert(parts, made)

        await asyncio.gather(*(to_the_end(parts, 1) for _ in range(4)))
        await to_the_end(parts, 1)  # what each saw held by another

        for made in batches:
            assert figures(await get(parts, made)) == (4, 4, 0, 0)
            assert {it.revision for it in await rows(parts, made)} == {2}

    async def test_what_somebody_edits_right_now_stays(self, parts: Sending) -> None:
        made, (row, _) = await whole(parts, 2)
        await revert(parts, made)
        async with parts.sessions.begin() as session:
            reach = reach_of_all()
            kept = await follow_ups.locked(session, reach, reach, row.id, "write")
            working = asyncio.create_task(to_the_end(parts))
            await somebody_waits(parts.sessions)
            await follow_ups.update(session, kept, "", {"title": "Khác"})

        assert await working == [1, 0]
        assert figures(await get(parts, made)) == (2, 1, 1, 0)


class TestRights:
    async def test_its_creator_and_who_writes_all_or_the_teams_may(self, parts: Sending) -> None:
        team = str(uuid4())
        creator, lead, boss = person("own"), person("team", team), person("all")
        # Named, they see it, and do some of it.
        named = person("own")
        contact = parts.contact(owner_ids=[creator.subject])
        for who, may in ((creator, True), (lead, True), (boss, True), (named, False)):
            made = await make(
                parts, contact, who=creator, team_id=team, assignee_ids=[named.subject]
            )
            if may:
                assert (await revert(parts, made, who)).state == REVERTING
            else:
                with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                    await revert(parts, made, who)
                assert (await get(parts, made)).state == RUNNING

    async def test_others_neither_revert_nor_count_it(self, parts: Sending) -> None:
        made = await make(parts, parts.contact())
        other = parts.batches(person("own"))

        for id_ in (made.id, "x"):
            for call in (
                other.RevertFollowUpBatch(pb2.RevertFollowUpBatchRequest(id=id_)),
                other.CountFollowUpBatchRevert(pb2.CountFollowUpBatchRevertRequest(id=id_)),
            ):
                with refused(errors.NotFound, "RESOURCE_MISSING"):
                    await call
        nobody = parts.batches(person("none"))
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await nobody.RevertFollowUpBatch(pb2.RevertFollowUpBatchRequest(id=made.id))
        assert (await get(parts, made)).state == RUNNING


def reach_of_all() -> Any:
    who = person("all")
    return scope.of(who, who.level("follow_ups", "write"))
