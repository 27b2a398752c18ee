"""Messages of follow-ups before they go: saved, previewed, listed, changed."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import follow_up_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.leads.v1 import contact_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from chassis import errors, scope
from chassis.context import Level
from services.interactions.domain.timeline import Kind
from services.interactions.storage import timeline
from tests.integration.interactions.delivery_parts import Sending, cancel, counts
from tests.integration.interactions.house import later, person
from tests.integration.notifier.notifier_parts import SMS_SENDER
from tests.integration.serving import refused

CANCELLED = follow_up_pb2.FOLLOW_UP_STATUS_CANCELLED
SMS = follow_up_pb2.FOLLOW_UP_TYPE_SMS


async def update(parts: Sending, change: follow_up_pb2.FollowUp, *paths: str) -> Any:
    request = pb2.UpdateFollowUpRequest(follow_up=change, update_mask=FieldMask(paths=paths))
    return await parts.follow_ups().UpdateFollowUp(request)


class TestChanging:
    async def test_cancelling_stops_what_was_not_handed_over(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"), parts.contact("ba"))
        await parts.sql(
            "UPDATE deliveries SET try_time = now() + interval '1 day' WHERE contact_id ="
            " (SELECT max(contact_id::text)::uuid FROM deliveries)"
        )
        await parts.courier().round()

        closed = await cancel(parts, planned)
        await parts.sql("UPDATE deliveries SET try_time = now()")

        assert await parts.courier().round() == 0
        assert closed.status == CANCELLED
        assert counts(closed) == {"handed_over": 1, "skipped": 1}
        assert ("SKIPPED", "CANCELLED") in (await parts.deliveries(planned)).values()

    async def test_one_that_was_taken_while_it_was_cancelled_is_said_to_be(
        self, parts: Sending
    ) -> None:
        planned = await parts.plan(parts.contact("an"))
        courier = parts.courier()
        taken = courier._hand_over

        async def meanwhile(batch: Any, found: Any) -> None:
            await taken(batch, found)
            await cancel(parts, planned)

        courier._hand_over = meanwhile  # type: ignore[method-assign]
        await courier.round()

        after = await parts.get(planned)
        assert (after.status, counts(after)) == (CANCELLED, {"handed_over": 1})

    async def test_another_time_moves_its_messages(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"), start_time=later(60))
        change = follow_up_pb2.FollowUp(id=planned.id, start_time=later(-1))

        await update(parts, change, "start_time")

        assert await parts.courier().round() == 1

    async def test_other_contacts_replace_the_first(self, parts: Sending) -> None:
        an, ba, cu = (parts.contact(it) for it in ("an", "ba", "cu"))
        planned = await parts.plan(an, ba, start_time=later(60))
        change = follow_up_pb2.FollowUp(id=planned.id, contact_ids=[cu])

        after = await update(parts, change, "contact_ids")

        assert (list(after.contact_ids), after.contact_count) == ([cu], 1)
        assert list(await parts.deliveries(planned)) == [cu]
        assert counts(after) == {"waiting": 1}

    async def test_one_that_is_being_sent_changes_no_more(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"))
        await parts.courier().round()

        for change, path in (
            ({"start_time": later(60)}, "start_time"),
            ({"contact_ids": [parts.contact("ba")]}, "contact_ids"),
            ({"message": planned.message}, "message"),
        ):
            changed = follow_up_pb2.FollowUp(id=planned.id, **change)
            with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
                await update(parts, changed, path)

        assert counts(await parts.get(planned)) == {"handed_over": 1}

    async def test_a_deleted_one_takes_its_messages_along(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"))
        await parts.follow_ups().DeleteFollowUp(pb2.DeleteFollowUpRequest(id=planned.id))

        assert await parts.courier().round() == 0


class TestSaving:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"subject": ""}, "follow_up.message.subject"),
            ({"text": ""}, "follow_up.message.text"),
            ({"skip_if_later": timedelta(0)}, "follow_up.message.skip_if_later"),
            ({"sender_identity_id": "x"}, "follow_up.message.sender_identity_id"),
            ({"type": 1}, "follow_up.message"),
            ({"type": 2}, "follow_up.message.subject"),
            ({"segment_id": str(uuid4())}, "follow_up.segment_id"),
        ],
    )
    async def test_what_does_not_go_together_is_named(
        self, parts: Sending, change: dict[str, Any], field: str
    ) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await parts.plan(parts.contact("an"), **change)

        assert field in refusal.fields()
        assert await parts.sql("SELECT 1 FROM follow_ups") == []

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"text": "{{ display_name"}, "follow_up.message.text"),
            ({"text": "{{ bank_account }}"}, "follow_up.message.text"),
            ({"subject": "{{ 'x' * 600 }}"}, "follow_up.message.subject"),
            ({"text": "{% for i in range(100000) %}{{ i }}{% endfor %}"}, "follow_up.message.text"),
        ],
    )
    async def test_a_template_that_cannot_be_rendered_is_refused(
        self, parts: Sending, change: dict[str, Any], field: str
    ) -> None:
        with refused(errors.InvalidArgument, "TEMPLATE_REFUSED") as refusal:
            await parts.plan(parts.contact("an"), **change)

        assert refusal.fields() == [field]
        assert await parts.sql("SELECT 1 FROM follow_ups") == []

    async def test_a_sender_must_be_of_the_advertiser_and_channel(self, parts: Sending) -> None:
        for sender in (str(SMS_SENDER), str(uuid4())):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await parts.plan(parts.contact("an"), sender_identity_id=sender)
            assert refusal.fields() == ["follow_up.message.sender_identity_id"]

    async def test_many_contacts_need_a_message_and_are_at_most_a_thousand(
        self, parts: Sending
    ) -> None:
        many = [str(uuid4()) for _ in range(1_001)]
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await parts.plan(*many)
        assert refusal.fields()[0] == "follow_up.contact_ids"
        assert len(refusal.fields()) == 50

    async def test_contacts_that_one_may_not_see_are_named(self, parts: Sending) -> None:
        an, hidden = parts.contact("an"), str(uuid4())
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await parts.plan(an, hidden)
        assert refusal.fields() == ["follow_up.contact_ids[1]"]

    async def test_a_segment_needs_the_sight_of_everybody(self, parts: Sending) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await parts.plan(who=person("own"), segment_id=str(uuid4()))

    async def test_an_sms_goes_as_one(self, parts: Sending) -> None:
        phone = contact_pb2.Phone(number="+84912345678", valid=True)
        planned = await parts.plan(
            parts.contact("an", phones=[phone]),
            type=SMS,
            subject="",
            sender_identity_id=str(SMS_SENDER),
        )

        await parts.courier().round()

        assert counts(await parts.get(planned)) == {"handed_over": 1}
        sent = (await parts.notifier.sql("SELECT address, channel FROM messages"))[0]
        assert (sent.address, sent.channel) == ("+84912345678", 1)


class TestList:
    async def test_it_pages_by_contact_and_filters_by_state(self, parts: Sending) -> None:
        contacts = sorted(parts.contact(f"k{n}") for n in range(5))
        planned = await parts.plan(*contacts)
        await parts.plan(parts.contact("khac"))
        del parts.leads.contacts[contacts[2]]
        await parts.courier().round()
        found: list[str] = []
        request = pb2.ListFollowUpDeliveriesRequest(
            follow_up_id=planned.id, states=[2], page_size=3
        )
        while True:
            page = await parts.follow_ups().ListFollowUpDeliveries(request)
            found += [it.contact_id for it in page.deliveries]
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token

        assert found == [*contacts[:2], *contacts[3:]]

    async def test_it_is_for_those_who_may_see_the_follow_up(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"))
        request = pb2.ListFollowUpDeliveriesRequest(follow_up_id=planned.id)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await parts.follow_ups(person("own")).ListFollowUpDeliveries(request)

    async def test_one_that_is_shared_is_in_the_story_of_each(self, parts: Sending) -> None:
        an = parts.contact("an")
        planned = await parts.plan(an, parts.contact("ba"))
        alone = await parts.plan(an)

        async with parts.sessions.begin() as session:
            reach = scope.Scope(Level.ALL, "x", None, None)
            story = await timeline.page(session, UUID(an), [Kind.FOLLOW_UP], reach, 10, None)

        assert {it.resource_id for it in story} == {planned.id, alone.id}
