"""E-mail and SMS follow-ups execute themselves: each contact once, whatever happens between."""

import asyncio
from datetime import timedelta
from typing import Any

from crm.interactions.v1 import follow_up_pb2

from tests.integration.interactions.delivery_parts import Sending, counts, killed_before_it_recorded
from tests.integration.interactions.house import later
from tests.integration.notifier.mail_parts import MailServer

COMPLETED = follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED
HOUR = timedelta(hours=1)


class TestWholeWay:
    async def test_each_contact_gets_it_and_it_completes_itself(
        self, parts: Sending, mail: MailServer
    ) -> None:
        an, ba = parts.contact("an"), parts.contact("ba")
        planned = await parts.plan(an, ba)
        assert counts(planned) == {"waiting": 2}
        assert sorted(planned.contact_ids) == sorted([an, ba])

        assert await parts.courier().round() == 2
        assert counts(await parts.get(planned)) == {"handed_over": 2}
        parts.notifier.engine(mail.wire())
        await mail.took(2)
        await parts.notifier.eventually("SELECT FROM messages WHERE state = 8 HAVING count(*) = 2")
        await parts.hear(*await parts.settled())

        done = await parts.get(planned)
        assert sorted(mail.taken) == ["an@example.vn", "ba@example.vn"]
        assert b"An" in mail.mails["an@example.vn"]
        assert (done.status, done.outcome) == (
            COMPLETED,
            "sent 2, skipped 0, failed 0, in doubt 0",
        )
        assert counts(done) == {"sent": 2}
        assert await parts.deliveries(planned) == {an: ("SENT", ""), ba: ("SENT", "")}

    async def test_what_is_not_due_stays(self, parts: Sending) -> None:
        await parts.plan(parts.contact(), start_time=later(5))

        assert await parts.courier().round() == 0

    async def test_one_with_a_single_contact_is_its_own(self, parts: Sending) -> None:
        an = parts.contact("an")
        planned = await parts.plan(an)

        await parts.courier().round()

        assert list(planned.contact_ids) == [an]
        assert await parts.deliveries(planned) == {an: ("HANDED_OVER", "")}


class TestContactsBetweenSavingAndSending:
    async def test_each_that_cannot_get_it_says_why_and_stops_no_other(
        self, parts: Sending
    ) -> None:
        gone, mute, unwilling, well = (parts.contact(it) for it in ("xa", "cam", "khong", "an"))
        planned = await parts.plan(gone, mute, unwilling, well)
        del parts.leads.contacts[gone]
        del parts.leads.contacts[mute].emails[:]
        parts.audiences.without_consent.add(unwilling)

        await parts.courier().round()

        assert await parts.deliveries(planned) == {
            gone: ("SKIPPED", "CONTACT_GONE"),
            mute: ("SKIPPED", "NO_ADDRESS"),
            unwilling: ("SKIPPED", "NO_CONSENT"),
            well: ("HANDED_OVER", ""),
        }
        assert counts(await parts.get(planned)) == {"skipped": 3, "handed_over": 1}

    async def test_one_whose_contacts_all_drop_out_is_completed(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"))
        parts.leads.contacts.clear()

        await parts.courier().round()

        done = await parts.get(planned)
        assert (done.status, counts(done)) == (COMPLETED, {"skipped": 1})

    async def test_a_template_that_fails_for_one_fails_that_one(self, parts: Sending) -> None:
        # Sound for samples and for the longest; one that divides by the length fails for others.
        fails = "{% if display_name == 'Ba' %}{{ 1 // 0 }}{% endif %}Chào"
        an, ba = parts.contact("an"), parts.contact("ba")
        planned = await parts.plan(an, ba, text=fails)

        await parts.courier().round()

        assert await parts.deliveries(planned) == {
            an: ("HANDED_OVER", ""),
            ba: ("FAILED", "RENDER_FAILED"),
        }

    async def test_one_who_was_renamed_after_a_kill_gets_the_first_message_only(
        self, parts: Sending
    ) -> None:
        an = parts.contact("an")
        planned = await parts.plan(an)
        await killed(parts)
        parts.leads.contacts[an].display_name = "Ánh"

        await parts.courier().round()

        assert await parts.deliveries(planned) == {an: ("HANDED_OVER", "")}
        assert len(await parts.notifier.sql("SELECT 1 FROM messages")) == 1


async def killed(parts: Sending) -> None:
    """A replica hands over, is killed before it records, and its lease ends."""
    await killed_before_it_recorded(parts.courier())
    await parts.sql("UPDATE deliveries SET try_time = now() WHERE state = 'waiting'")


class TestKills:
    async def test_what_was_handed_over_and_not_recorded_is_not_sent_twice(
        self, parts: Sending, mail: MailServer
    ) -> None:
        contacts = [parts.contact(f"k{n}") for n in range(3)]
        planned = await parts.plan(*contacts)
        await killed(parts)
        assert counts(await parts.get(planned)) == {"waiting": 3}

        await parts.courier().round()

        assert counts(await parts.get(planned)) == {"handed_over": 3}
        assert len(await parts.notifier.sql("SELECT 1 FROM messages")) == 3

    async def test_nobody_takes_what_another_holds(self, parts: Sending) -> None:
        await parts.plan(*(parts.contact(f"k{n}") for n in range(4)))

        both = await asyncio.gather(parts.courier().round(), parts.courier().round())

        assert sorted(both) == [0, 4]

    async def test_a_stalled_one_records_nothing_over_a_newer_claim(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"))
        courier, other = parts.courier(), parts.courier()
        taken = courier._hand_over

        async def stalls(batch: Any, found: Any) -> None:
            await taken(batch, found)
            await parts.sql("UPDATE deliveries SET try_time = now()")
            assert await other.round() == 1

        courier._hand_over = stalls  # type: ignore[method-assign]
        await courier.round()

        assert counts(await parts.get(planned)) == {"handed_over": 1}
        assert len(await parts.notifier.sql("SELECT 1 FROM messages")) == 1


class TestAway:
    async def test_without_leads_it_waits_and_fails_nobody(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"))
        parts.audiences.away = True
        await parts.courier(retry_seconds=0.001).round()
        assert counts(await parts.get(planned)) == {"waiting": 1}

        parts.audiences.away = False
        await parts.sql("SELECT pg_sleep(0.01)")
        await parts.courier().round()

        assert counts(await parts.get(planned)) == {"handed_over": 1}

    async def test_without_the_notifier_too(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"))
        await parts.notifier_server.stop()

        await parts.courier().round()

        assert counts(await parts.get(planned)) == {"waiting": 1}
        assert (await parts.sql("SELECT tries FROM deliveries"))[0].tries == 1


class TestLate:
    async def test_late_ones_are_skipped_where_that_was_asked(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"), start_time=later(-120), skip_if_later=HOUR)

        await parts.courier().round()

        assert [*(await parts.deliveries(planned)).values()] == [("SKIPPED", "TOO_LATE")]

    async def test_others_are_caught_up_once(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"), start_time=later(-60 * 24 * 3))

        assert await parts.courier().round() == 1
        assert await parts.courier().round() == 0

        assert counts(await parts.get(planned)) == {"handed_over": 1}

    async def test_of_one_that_may_have_been_handed_over_in_time_the_notifier_is_asked(
        self, parts: Sending
    ) -> None:
        an, ba = parts.contact("an"), parts.contact("ba")
        taken = await parts.plan(an, skip_if_later=HOUR)
        await killed(parts)
        other = await parts.plan(ba, skip_if_later=HOUR)
        # As it would be an hour later: the notifier has one of them and not the other.
        await parts.sql(
            "UPDATE deliveries SET tries = 1, due_time = due_time - interval '2 hours'"
            " WHERE follow_up_id = :id",
            id=other.id,
        )

        await parts.courier().round()

        assert await parts.deliveries(taken) == {an: ("HANDED_OVER", "")}
        assert await parts.deliveries(other) == {ba: ("SKIPPED", "TOO_LATE")}
