"""What stops a message at its claim, and once more before it is written."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from crm.notifier.v1 import events_pb2

from services.notifier.domain.states import Channel, Purpose, RunState, State
from services.notifier.messages.chunks import Regained, RunControl, Withdrawal
from services.notifier.storage import lookups
from services.notifier.usecases import intake
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    DAY,
    EMAIL_SENDER,
    House,
    MailServer,
    heartbeats,
    people,
)


async def steer(house: House, run: uuid.UUID, state: RunState, epoch: int) -> bool:
    """What a control event does."""
    control = RunControl(run, DAY, epoch, state, Channel.EMAIL, Purpose.CARE, None)
    async with house.sessions.begin() as session:
        return await intake.steer(session, control)


async def withdraw(
    house: House, *addresses: str, purpose: int = 0, at: datetime | None = None
) -> None:
    """What a withdrawal does."""
    time = at or datetime.now(UTC)
    told = Withdrawal("entry", None, Channel.EMAIL, ADVERTISER, purpose, addresses, time)
    async with house.sessions.begin() as session:
        await intake.withdraw(session, told)


async def regain(house: House, address: str, at: datetime, purpose: Purpose = Purpose.CARE) -> None:
    """What a consent given does."""
    told = Regained("entry", Channel.EMAIL, ADVERTISER, purpose, (address,), at)
    async with house.sessions.begin() as session:
        await intake.regain(session, told)


class TestPause:
    async def test_nothing_is_submitted_after_it_and_everything_after_resuming(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(400)))
        house.engine(mail.wire(connections=1, window=4))
        await mail.took(20)
        await steer(house, run, RunState.PAUSED, 2)
        await asyncio.sleep(0.5)
        before = len(mail.taken)

        await asyncio.sleep(1.0)
        assert len(mail.taken) == before < 400

        await steer(house, run, RunState.ACTIVE, 3)
        await house.until(run, {State.ACCEPTED: 400})
        assert sorted(mail.taken) == sorted(people(400))

    async def test_a_pause_stops_a_message_whose_attempt_is_committed(
        self, house: House, mail: MailServer
    ) -> None:
        mail.greets.clear()
        run = await house.take(["dao@example.vn"])
        wire = mail.wire(connections=1)
        wire.note_up()
        house.engine(wire)
        await house.until(run, {State.SUBMITTING: 1})
        await steer(house, run, RunState.PAUSED, 2)
        await asyncio.sleep(0.3)

        mail.greets.set()

        await house.until(run, {State.QUEUED: 1})
        assert mail.taken == mail.envelopes == []

    async def test_it_may_come_before_any_chunk(self, house: House, mail: MailServer) -> None:
        run = uuid.uuid4()
        await steer(house, run, RunState.PAUSED, 2)
        await house.take(list(people(5)), run_id=run, epoch=1)
        house.engine(mail.wire())
        await asyncio.sleep(0.6)

        assert await house.counts(run) == {State.QUEUED: 5}
        assert mail.taken == []

    async def test_an_older_event_changes_nothing(self, house: House, mail: MailServer) -> None:
        run = await house.take(list(people(5)), epoch=3)

        assert not await steer(house, run, RunState.PAUSED, 2)

        house.engine(mail.wire())
        await house.until(run, {State.ACCEPTED: 5})


class TestEnd:
    async def test_a_cancelled_run_ends_all_that_waits(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(30)))
        await steer(house, run, RunState.CANCELLED, 2)
        house.engine(mail.wire())
        house.sweeper()

        await house.until(run, {State.CANCELLED: 30})

        await house.take(list(people(35)), run_id=run, epoch=1)
        await house.until(run, {State.CANCELLED: 35})
        assert mail.taken == []

    async def test_an_expired_run_says_so(self, house: House) -> None:
        run = await house.take(list(people(3)))
        await steer(house, run, RunState.EXPIRED, 2)
        house.sweeper()

        await house.until(run, {State.EXPIRED: 3})

    async def test_nothing_goes_after_its_time(self, house: House, mail: MailServer) -> None:
        run = await house.take(list(people(3)), not_after=datetime.now(UTC) - timedelta(minutes=1))
        house.engine(mail.wire())

        await house.until(run, {State.EXPIRED: 3})

        assert mail.taken == []


class TestSuppression:
    async def test_a_suppressed_address_is_skipped(self, house: House, mail: MailServer) -> None:
        await withdraw(house, "nguoi3@example.vn", "noise@example.vn")
        run = await house.take(list(people(10)))
        house.engine(mail.wire())

        await house.until(run, {State.ACCEPTED: 9, State.SKIPPED: 1})

        assert "nguoi3@example.vn" not in mail.taken

    async def test_one_of_another_purpose_does_not_count(
        self, house: House, mail: MailServer
    ) -> None:
        await withdraw(house, "nguoi3@example.vn", purpose=Purpose.MARKETING)
        run = await house.take(list(people(5)))
        house.engine(mail.wire())

        await house.until(run, {State.ACCEPTED: 5})

    async def test_a_withdrawal_stops_a_message_whose_attempt_is_committed(
        self, house: House, mail: MailServer
    ) -> None:
        mail.greets.clear()
        run = await house.take(["dao@example.vn", "mai@example.vn"])
        wire = mail.wire(connections=1)
        wire.note_up()
        house.engine(wire)
        await house.until(run, {State.SUBMITTING: 2})
        await withdraw(house, "dao@example.vn")
        await asyncio.sleep(0.3)

        mail.greets.set()

        await house.until(run, {State.SKIPPED: 1, State.ACCEPTED: 1})
        assert mail.taken == ["mai@example.vn"]

    async def test_the_same_withdrawal_again_changes_nothing(self, house: House) -> None:
        await withdraw(house, "dao@example.vn")
        await withdraw(house, "dao@example.vn")

        assert len(await house.sql("SELECT 1 FROM suppressions")) == 1


class TestMarketing:
    async def test_it_waits_while_the_news_of_withdrawals_is_old(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(3)), purpose=Purpose.MARKETING)
        care = await house.take(list(people(3)))
        house.engine(mail.wire())
        await house.until(care, {State.ACCEPTED: 3})
        assert await house.counts(run) == {State.QUEUED: 3}

        for _ in range(20):
            await lookups.note_heartbeats(house.sessions, heartbeats())
            await asyncio.sleep(0.1)

        assert await house.counts(run) == {State.ACCEPTED: 3}
        assert b"Subject: =?utf-8?b?W1FDXSBDaMOgbyDEkMOgbw==?=" in mail.mails["nguoi0@example.vn"]

    async def test_an_expired_sender_sends_nothing(self, house: House, mail: MailServer) -> None:
        await house.sql(
            "UPDATE sender_identities SET expires_at = now() - interval '1 day' WHERE id = :id",
            id=EMAIL_SENDER,
        )
        run = await house.take(list(people(3)))
        house.engine(mail.wire())

        await house.until(run, {State.SKIPPED: 3})

        assert mail.taken == []


class TestRendering:
    async def test_one_that_fails_fails_alone(self, house: House, mail: MailServer) -> None:
        await house.sql(
            "UPDATE contents SET html = '{% if name != \"Đào\" %}{{ 1 // 0 }}{% endif %}'"
            " WHERE channel = 2"
        )
        run = await house.take(list(people(4)))
        await house.sql("UPDATE messages SET values = '{x}' WHERE address = 'nguoi2@example.vn'")
        house.engine(mail.wire())

        await house.until(run, {State.ACCEPTED: 3, State.FAILED: 1})

    async def test_without_its_content_a_message_fails(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(2)), content_hash="d" * 64)
        house.engine(mail.wire())

        await house.until(run, {State.FAILED: 2})


class TestReports:
    async def test_every_change_is_told_with_its_revision(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take([*people(6), "refuse@example.vn", "later@example.vn"])
        house.engine(mail.wire())
        await house.until(run, {State.ACCEPTED: 6, State.FAILED: 1, State.DEFERRED: 1})

        rows = await house.sql("SELECT payload FROM outbox WHERE subject LIKE '%Progressed'")
        groups = [
            it
            for row in rows
            for it in events_pb2.MessagesProgressed.FromString(bytes(row.payload)).groups
        ]

        newest = {
            group.message_ids[at : at + 16]: group
            for group in sorted(groups, key=lambda it: it.revision)
            for at in range(0, len(group.message_ids), 16)
        }
        stored = await house.sql("SELECT message_id, state, reason, revision FROM messages")
        assert {(id, int(it.state), it.reason, it.revision) for id, it in newest.items()} == {
            (it.message_id.bytes, it.state, it.reason, it.revision) for it in stored
        }


class TestComingBack:
    async def test_a_later_consent_lifts_a_withdrawal_for_its_purpose_alone(
        self, house: House, mail: MailServer
    ) -> None:
        said = datetime.now(UTC)
        await withdraw(house, "dao@example.vn", at=said)
        await regain(house, "dao@example.vn", said + timedelta(minutes=1))
        care = await house.take(["dao@example.vn"])
        await withdraw(house, "other@example.vn", at=said)
        await regain(house, "other@example.vn", said + timedelta(minutes=1), Purpose.MARKETING)
        other = await house.take(["other@example.vn"])
        house.engine(mail.wire())

        await house.until(care, {State.ACCEPTED: 1})

        await house.until(other, {State.SKIPPED: 1})

    async def test_an_older_consent_lifts_nothing_and_a_new_withdrawal_counts_again(
        self, house: House, mail: MailServer
    ) -> None:
        said = datetime.now(UTC)
        await withdraw(house, "old@example.vn", at=said)
        await regain(house, "old@example.vn", said - timedelta(minutes=1))
        await withdraw(house, "twice@example.vn", at=said)
        await regain(house, "twice@example.vn", said + timedelta(minutes=1))
        await withdraw(house, "twice@example.vn", at=said + timedelta(minutes=2))
        run = await house.take(["old@example.vn", "twice@example.vn"])
        house.engine(mail.wire())

        await house.until(run, {State.SKIPPED: 2})

    async def test_what_a_provider_or_an_operator_suppressed_stays(
        self, house: House, mail: MailServer
    ) -> None:
        await withdraw(house, "dao@example.vn")
        await house.sql("UPDATE suppressions SET reason = 'complaint'")
        await regain(house, "dao@example.vn", datetime.now(UTC) + timedelta(minutes=1))
        run = await house.take(["dao@example.vn"])
        house.engine(mail.wire())

        await house.until(run, {State.SKIPPED: 1})
