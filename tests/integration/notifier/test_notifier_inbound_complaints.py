"""Complaints that came back by mail suppress, once, and only those that we sent."""

import uuid

import pytest
from crm.notifier.v1 import events_pb2

from services.notifier.domain import tokens
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.tokens import Link
from services.notifier.domain.work import Key
from tests.integration.notifier.mailbox_parts import (
    ADDRESS,
    Mailbox,
    events,
    path,
    pb,
    secret,
    sent,
)
from tests.integration.notifier.mailbox_parts import mailbox as mailbox
from tests.integration.notifier.notifier_parts import ADVERTISER, DAY, House
from tests.unit.notifier import inbound_parts as mails


class TestComplaints:
    def named(self, house: House, run: uuid.UUID) -> dict[str, bytes]:
        """A complaint by each of the ways to name a message, and one by its envelope alone."""
        key = Key(DAY, uuid.uuid5(run, ADDRESS))
        link = tokens.link_token(
            Link(key, Channel.EMAIL, Purpose.MARKETING, ADVERTISER), secret(house)
        )
        return {
            "path": mails.complaint(path(house, run)),
            "from": mails.complaint(from_=f"<{path(house, run)}>"),
            "link": mails.complaint(link=link),
            "headers": mails.complaint(link=link, original="text/rfc822-headers"),
        }

    @pytest.mark.parametrize("by", ["path", "from", "link", "headers"])
    async def test_one_stops_the_advertisers_advertising_and_confirms_nothing(
        self, house: House, mailbox: Mailbox, by: str
    ) -> None:
        run = await sent(house, purpose=Purpose.MARKETING)

        answer = await mailbox.gets(self.named(house, run)[by], "fbl@mekong.localhost")

        assert (answer.kind, answer.news) == (pb.INBOUND_MAIL_KIND_COMPLAINED, True)
        (found,) = await house.sql(
            "SELECT address_key, advertiser_id, purpose, reason, actor FROM suppressions"
        )
        assert found[:3] == (ADDRESS, ADVERTISER, Purpose.MARKETING)
        assert found[3:] == ("complained", "notifier")
        assert len(await events(house, "SuppressionAdded")) == 1
        assert len(await house.sql("SELECT 1 FROM messages")) == 1
        ((payload,),) = await events(house, "MessageComplained")
        told = events_pb2.MessageComplained.FromString(bytes(payload))
        assert (told.run_id, told.run_date, told.what) == (str(run), DAY.isoformat(), "abuse")
        assert told.message_id == str(uuid.uuid5(run, ADDRESS))

    async def test_the_same_again_changes_nothing(self, house: House, mailbox: Mailbox) -> None:
        run = await sent(house)
        answers = [
            await mailbox.gets(mail, "fbl@mekong.localhost")
            for mail in self.named(house, run).values()
        ]

        assert [it.news for it in answers] == [True, False, False, False]
        assert len(await house.sql("SELECT 1 FROM complaints")) == 1
        assert len(await events(house, "MessageComplained")) == 1
        assert len(await events(house, "SuppressionAdded")) == 1

    async def test_that_a_mail_is_wanted_changes_nothing(
        self, house: House, mailbox: Mailbox
    ) -> None:
        run = await sent(house)

        answer = await mailbox.gets(mails.complaint(what="not-spam"), path(house, run))

        assert answer.kind == pb.INBOUND_MAIL_KIND_OTHER
        assert await house.sql("SELECT 1 FROM suppressions") == []

    async def test_of_a_message_that_is_not_kept_nothing_is_stored(
        self, house: House, mailbox: Mailbox
    ) -> None:
        gone = mails.complaint(path(house, uuid.uuid4()))

        answer = await mailbox.gets(gone, "fbl@mekong.localhost")

        assert (answer.kind, answer.news) == (pb.INBOUND_MAIL_KIND_COMPLAINED, False)
        assert await house.sql("SELECT 1 FROM complaints") == []
