"""Calendar feeds: whose they are, what they show, and their end."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import feed_pb2
from crm.interactions.v1 import feed_service_pb2 as pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_service
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from tests.integration.interactions.feed_parts import CALL, MEETING, events_of
from tests.integration.interactions.house import SERVICE, later, person
from tests.integration.serving import refused


async def create(house: Any, who: Principal, name: str = "Điện thoại", **more: Any) -> Any:
    house.people[who.subject] = who
    request = pb2.CreateFeedRequest(feed=feed_pb2.Feed(name=name, **more))
    return await house.feeds(who).CreateFeed(request)


def token_of(made: Any) -> str:
    return str(made.path.removeprefix("/calendar/").removesuffix(".ics"))


async def read(house: Any, made: Any, *known: str) -> Any:
    request = pb2.ReadFeedRequest(token=token_of(made), known_etags=known)
    return await house.feeds().ReadFeed(request)


async def summaries(house: Any, made: Any) -> list[str]:
    return [str(it["SUMMARY"]) for it in events_of((await read(house, made)).ics)]


class TestFeed:
    async def test_its_address_is_told_once_and_only_a_hash_is_kept(self, house: Any) -> None:
        me = person()

        made = await create(house, me, types=[CALL, CALL, MEETING])

        listed = await house.feeds(me).ListFeeds(pb2.ListFeedsRequest())
        assert len(token_of(made)) == 43
        assert list(made.feed.types) == [CALL, MEETING]
        assert list(listed.feeds) == [made.feed]
        async with house.sessions.begin() as session:
            query = """
                SELECT to_jsonb(f)::text FROM feeds f
                UNION ALL SELECT encode(payload, 'escape') FROM outbox
                UNION ALL SELECT encode(response, 'escape') FROM idempotency
            """
            kept = list((await session.execute(text(query))).scalars())
        assert len(kept) == 2  # the feed and its audit entry
        assert token_of(made) not in "".join(kept)

    async def test_it_shows_what_its_owner_has_to_do(self, house: Any) -> None:
        me = person()
        contact = house.contact(me.subject, display_name="Trần Thị Á").id
        made = await create(house, me)
        await house.plan(contact, me, title="Gọi lại", start_time=later(60))
        await house.plan(contact, me, title="Cũ", start_time=later(-60 * 24 * 89))
        await house.plan(contact, me, title="Quá cũ", start_time=later(-60 * 24 * 92))
        await house.plan(contact, me, title="Quá xa", start_time=later(60 * 24 * 367))
        await house.plan(contact, me, title="Của bạn", assignee_ids=[str(uuid4())])

        assert await summaries(house, made) == ["Cũ – Trần Thị Á", "Gọi lại – Trần Thị Á"]
        assert house.leads.asked_for[-1] == me.subject

    async def test_only_the_types_that_were_wanted(self, house: Any) -> None:
        me, contact = person(), house.contact().id
        made = await create(house, me, types=[MEETING])
        await house.plan(contact, me, title="Họp", type=MEETING, start_time=later(60))
        await house.plan(contact, me, title="Gọi", type=CALL, start_time=later(60))

        assert await summaries(house, made) == ["Họp"]

    async def test_rights_are_those_that_its_owner_has_now(self, house: Any) -> None:
        team = str(uuid4())
        me, other = person("all", team), person("all", str(uuid4()))
        contact = house.contact(display_name="Á").id
        made = await create(house, me)
        await house.plan(
            contact, other, title="Việc", assignee_ids=[me.subject], start_time=later(5)
        )
        assert await summaries(house, made) == ["Việc – Á"]

        house.people[me.subject] = person("all", team, me.subject, contacts="none")
        without_names = await summaries(house, made)
        house.people[me.subject] = person("all", team, me.subject, follow_ups="none")
        without_right = await summaries(house, made)
        del house.people[me.subject]
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await read(house, made)

        assert without_names == ["Việc"]
        assert without_right == []

    async def test_a_contact_that_its_owner_may_not_see_has_no_name(self, house: Any) -> None:
        me = person()
        contact = house.contact(display_name="Á").id
        made = await create(house, me)
        await house.plan(contact, me, title="Việc", start_time=later(5))
        house.leads.contacts.clear()

        assert await summaries(house, made) == ["Việc"]

    async def test_the_same_contents_have_the_same_tag_and_are_not_sent_again(
        self, house: Any
    ) -> None:
        me, contact = person(), house.contact().id
        made = await create(house, me)
        planned = await house.plan(contact, me, start_time=later(60))
        first = await read(house, made)

        again = await read(house, made, "other", first.etag)
        cancel = follow_up_service.CancelFollowUpRequest(id=planned.id)
        await house.follow_ups().CancelFollowUp(cancel)
        changed = await read(house, made, first.etag)
        delete = follow_up_service.DeleteFollowUpRequest(id=planned.id)
        await house.follow_ups().DeleteFollowUp(delete)
        emptied = await read(house, made, changed.etag)

        assert (again.ics, again.etag, again.change_time) == (b"", first.etag, first.change_time)
        assert b"STATUS:CANCELLED" in changed.ics
        assert b"VEVENT" not in emptied.ics
        tags = {first.etag, changed.etag, emptied.etag}
        assert len(tags) == 3
        times = [it.change_time.ToDatetime() for it in (first, changed, emptied)]
        assert times == sorted(set(times))

    async def test_when_it_was_read_is_told_to_the_hour(self, house: Any) -> None:
        me = person()
        made = await create(house, me)
        assert not made.feed.HasField("last_read_time")
        await read(house, made)

        listed = await house.feeds(me).ListFeeds(pb2.ListFeedsRequest())

        at = listed.feeds[0].last_read_time.ToDatetime(tzinfo=UTC)
        assert timedelta() <= datetime.now(UTC) - at < timedelta(hours=1, minutes=1)
        assert (at.minute, at.second) == (0, 0)

    async def test_a_revoked_one_is_gone_at_once(self, house: Any) -> None:
        me = person()
        made = await create(house, me)

        await house.feeds(me).RevokeFeed(pb2.RevokeFeedRequest(id=made.feed.id))

        with refused(errors.NotFound, "RESOURCE_MISSING") as refusal:
            await read(house, made)
        assert token_of(made) not in str(refusal.error.metadata)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.feeds(me).RevokeFeed(pb2.RevokeFeedRequest(id=made.feed.id))

    async def test_those_of_others_are_none(self, house: Any) -> None:
        made = await create(house, person())
        other = person()

        listed = await house.feeds(other).ListFeeds(pb2.ListFeedsRequest())
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.feeds(other).RevokeFeed(pb2.RevokeFeedRequest(id=made.feed.id))

        assert list(listed.feeds) == []
        assert (await read(house, made)).etag

    async def test_it_waits_for_leads_rather_than_lose_names(self, house: Any) -> None:
        me, contact = person(), house.contact().id
        made = await create(house, me)
        await house.plan(contact, me, start_time=later(60))
        house.leads.away = True

        with refused(errors.Unavailable, "PEER_UNAVAILABLE"):
            await read(house, made)

    async def test_pages_and_their_end(self, house: Any) -> None:
        me = person()
        made = [(await create(house, me, f"{at}")).feed.id for at in range(20)]
        with refused(errors.ResourceExhausted, "TOO_LARGE"):
            await create(house, me)

        seen, token = [], ""
        while True:
            request = pb2.ListFeedsRequest(page_size=9, page_token=token)
            page = await house.feeds(me).ListFeeds(request)
            seen += [it.id for it in page.feeds]
            token = page.next_page_token
            if not token:
                break

        assert seen == made[::-1]

    @pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\x00b"])
    async def test_a_name_that_is_none_is_refused(self, house: Any, name: str) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await create(house, person(), name)

        assert refusal.fields() == ["feed.name"]

    async def test_making_one_needs_the_right_and_a_person(self, house: Any) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await create(house, person(follow_ups="none"))
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await create(house, SERVICE)

    async def test_reading_by_its_secret_is_for_the_gateway_only(self, house: Any) -> None:
        me = person()
        made = await create(house, me)
        request = pb2.ReadFeedRequest(token=token_of(made))
        acting = Principal(me.subject, "user", None, me.rights, actor="gateway")

        for who in (me, acting):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await house.feeds(who).ReadFeed(request)

    @pytest.mark.parametrize("token", ["", "x", "\x00", "é" * 5_000])
    async def test_a_token_that_is_none_of_ours_is_not_found(self, house: Any, token: str) -> None:
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.feeds().ReadFeed(pb2.ReadFeedRequest(token=token))
