"""Mails that came back move their messages, once, and only those that we can tell are ours."""

import uuid
from contextlib import AbstractContextManager
from typing import Any

import pytest
from crm.notifier.v1 import inbound_service_pb2_grpc

from chassis.context import Principal
from chassis.errors import InvalidArgument, PermissionDenied, ResourceExhausted
from services.notifier.domain.states import Reason, State
from services.notifier.rpc.inbound import MOST_BYTES
from tests.integration.notifier.mailbox_parts import ADDRESS, Mailbox, events, path, pb, sent
from tests.integration.notifier.mailbox_parts import mailbox as mailbox
from tests.integration.notifier.notifier_parts import House
from tests.integration.notifier.test_notifier_failed_addresses import told
from tests.integration.serving import Served, refused
from tests.unit.notifier import inbound_parts as mails


async def one(house: House) -> Any:
    """The message, once nothing waits to be applied."""
    house.sweeper()
    (found,) = await house.eventually(
        "SELECT state, reason, revision FROM messages"
        " WHERE NOT EXISTS (SELECT 1 FROM receipts WHERE applied_at IS NULL)"
    )
    return found


class TestBounces:
    async def test_a_message_that_comes_back_is_bounced_with_its_reason(
        self, house: House, mailbox: Mailbox
    ) -> None:
        run = await sent(house)

        answer = await mailbox.gets(mails.postfix(), path(house, run))

        assert (answer.kind, answer.reason, answer.news) == (
            pb.INBOUND_MAIL_KIND_BOUNCED,
            "ADDRESS_INVALID",
            True,
        )
        assert answer.message_id == str(uuid.uuid5(run, ADDRESS))
        found = await one(house)
        assert (found.state, found.reason) == (State.BOUNCED, Reason.ADDRESS_INVALID)
        assert len(await events(house, "MessagesProgressed")) == 1

    async def test_the_same_mail_again_changes_nothing(
        self, house: House, mailbox: Mailbox
    ) -> None:
        run = await sent(house)
        await mailbox.gets(mails.postfix(), path(house, run))
        before = await one(house)

        answer = await mailbox.gets(mails.postfix(), path(house, run).upper())

        assert not answer.news
        # What is known of it may be forgotten by then.
        await house.sql("DELETE FROM receipts")
        await mailbox.gets(mails.postfix(), path(house, run))
        assert await one(house) == before
        assert len(await events(house, "AddressesFailed")) == 1
        assert len(await events(house, "MessagesProgressed")) == 1

    @pytest.mark.parametrize(
        ("mail", "is_told"),
        [
            (mails.exchange(), True),
            (mails.exim(), True),
            (mails.gmail(), False),
            (mails.postfix("5.7.1", "550 5.7.1 spam"), False),
            (mails.postfix().replace(b"dao@", b"forwarded-to@"), False),
        ],
    )
    async def test_only_who_is_not_at_the_address_we_wrote_to_makes_it_invalid(
        self, house: House, mailbox: Mailbox, mail: bytes, is_told: bool
    ) -> None:
        run = await sent(house)

        await mailbox.gets(mail, path(house, run))

        assert (await one(house)).state == State.BOUNCED
        assert [it.address_key for it in await told(house)] == [ADDRESS] * is_told

    @pytest.mark.parametrize(
        ("state", "becomes"),
        [
            (State.SUBMITTING, State.BOUNCED),
            (State.IN_DOUBT, State.BOUNCED),
            (State.ABANDONED, State.BOUNCED),
            (State.DELIVERED, State.DELIVERED),
            (State.FAILED, State.FAILED),
        ],
    )
    async def test_it_overrules_all_but_another_end(
        self, house: House, mailbox: Mailbox, state: State, becomes: State
    ) -> None:
        run = await sent(house, state)

        await mailbox.gets(mails.postfix(), path(house, run))

        assert (await one(house)).state == becomes

    async def test_one_that_comes_before_its_message_is_settled_waits(
        self, house: House, mailbox: Mailbox
    ) -> None:
        run = await sent(house, State.QUEUED)
        await mailbox.gets(mails.postfix(), path(house, run))
        house.sweeper()
        await house.sql("UPDATE messages SET state = 8")

        await house.until(run, {State.BOUNCED: 1})

    async def test_what_is_delivered_says_so(self, house: House, mailbox: Mailbox) -> None:
        run = await sent(house)

        answer = await mailbox.gets(mails.of_one("delivered", "Status: 2.0.0"), path(house, run))

        assert answer.kind == pb.INBOUND_MAIL_KIND_DELIVERED
        assert (await one(house)).state == State.DELIVERED

    async def test_what_waits_is_only_noted(self, house: House, mailbox: Mailbox) -> None:
        run = await sent(house)

        answer = await mailbox.gets(
            mails.of_one("delayed", "Status: 4.4.1", "Diagnostic-Code: smtp; 450 4.4.1 later"),
            path(house, run),
        )

        assert (answer.kind, answer.news) == (pb.INBOUND_MAIL_KIND_DELAYED, True)
        assert (await one(house)).state == State.ACCEPTED
        ((detail,),) = await house.sql("SELECT detail FROM receipts")
        assert detail == "4.4.1 450 4.4.1 later"

    async def test_of_a_message_that_is_not_kept_nothing_is_stored(
        self, house: House, mailbox: Mailbox
    ) -> None:
        answer = await mailbox.gets(mails.postfix(), path(house, uuid.uuid4()))

        assert (answer.kind, answer.message_id, answer.news) == (1, "", False)
        assert await house.sql("SELECT 1 FROM receipts") == []


class TestWhoIsBelieved:
    async def test_a_forged_return_path_is_refused(self, house: House, mailbox: Mailbox) -> None:
        run = await sent(house)
        good = path(house, run)
        last = "0" if good[61] != "0" else "1"
        for bad in (f"{good[:61]}{last}{good[62:]}", "b-00@x", "dao@example.vn", "postmaster"):
            for mail in (mails.postfix(), mails.vacation(), b"\xff\x00", mails.complaint()):
                with refused_for("RETURN_PATH_INVALID"):
                    await mailbox.gets(mail, bad)

        assert (await one(house)).state == State.ACCEPTED

    @pytest.mark.parametrize("mail", [mails.vacation(), b"Hello", b"\xff\x00\n\n\x80" * 50])
    async def test_what_is_no_report_changes_nothing(
        self, house: House, mailbox: Mailbox, mail: bytes
    ) -> None:
        run = await sent(house)

        answer = await mailbox.gets(mail, path(house, run))

        assert not answer.news
        assert (await one(house)).revision == 1
        assert await house.sql("SELECT 1 FROM outbox") == []

    async def test_who_may_not_is_refused(self, served: Served) -> None:
        nobody = Principal(str(uuid.UUID(int=6)), "client", rights={"messages": {"write": "all"}})
        stub: Any = inbound_service_pb2_grpc.InboundMailServiceStub(served.as_(nobody))

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stub.ReportMail(pb.ReportMailRequest(recipient="a@b", data=b"x"))

    async def test_what_is_empty_or_too_large_is_refused(self, mailbox: Mailbox) -> None:
        for recipient, mail in (("", b"x"), ("a@b", b""), ("a" * 321, b"x")):
            with refused_for("FIELDS_INVALID"):
                await mailbox.gets(mail, recipient)
        with refused(ResourceExhausted, "TOO_LARGE"):
            await mailbox.gets(b"x" * (MOST_BYTES + 1), "a@b")


def refused_for(reason: str) -> AbstractContextManager[None]:
    """Expects INVALID_ARGUMENT for a reason."""
    return refused(InvalidArgument, reason)
