"""Chunks reach the tables through a real broker."""

import email
import email.policy
import uuid

from services.notifier.domain.states import Channel, State
from services.notifier.domain.work import Attachment, Content
from tests.integration.notifier.broker_parts import Broker, until, work
from tests.integration.notifier.notifier_parts import (
    House,
    MailServer,
    people,
)


class TestBulk:
    async def test_a_chunk_is_stored_once_however_often_it_comes(
        self, house: House, broker: Broker
    ) -> None:
        run = uuid.uuid4()
        data = work(run, list(people(500)))
        for _ in range(3):
            await broker.chunk(data)

        await house.until(run, {State.QUEUED: 500})

        assert (await house.sql("SELECT values FROM messages LIMIT 1"))[0][0] == [
            'Đào "Bé" \\ {x}, NULL'
        ]

    async def test_an_unknown_content_is_fetched_once(
        self, house: House, broker: Broker, mail: MailServer
    ) -> None:
        hash = "e" * 64
        broker.contents.known[hash] = Content(hash, Channel.EMAIL, "S", "", "T", ("name",))
        run = uuid.uuid4()
        for start in range(3):
            await broker.chunk(work(run, [f"p{start}@example.vn"], content_hash=hash))
        house.engine(mail.wire())

        await house.until(run, {State.ACCEPTED: 3})

        assert 1 <= broker.contents.asked.count(hash) <= 2  # two chunks are taken at a time

    async def test_attachments_are_fetched_once_and_go_with_every_mail(
        self, house: House, broker: Broker, mail: MailServer
    ) -> None:
        data = b"%PDF-1.7\r\n.\r\n" * 1000
        broker.contents.files = {"f" * 64: data}
        file = Attachment("Bảng giá.pdf", "application/pdf", len(data), "f" * 64)
        for hash in ("a" * 64, "b" * 64):
            broker.contents.known[hash] = Content(
                hash, Channel.EMAIL, "S", "<p>H</p>", "T", ("name",), (file,)
            )
        runs = [uuid.uuid4(), uuid.uuid4()]
        house.engine(mail.wire())

        for run, hash in zip(runs, ("a" * 64, "b" * 64), strict=True):
            await broker.chunk(work(run, list(people(30, hash[0])), content_hash=hash))
            await house.until(run, {State.ACCEPTED: 30})

        assert broker.contents.files_asked == ["f" * 64]
        assert len(mail.mails) == 60
        for raw in mail.mails.values():
            got = email.message_from_bytes(raw, policy=email.policy.default)
            (part,) = got.iter_attachments()
            assert (part.get_filename(), part.get_content()) == ("Bảng giá.pdf", data)

    async def test_a_content_whose_file_is_missing_fails_its_messages(
        self, house: House, broker: Broker, mail: MailServer
    ) -> None:
        hash = "d" * 64
        file = Attachment("a.pdf", "application/pdf", 3, "0" * 64)
        broker.contents.known[hash] = Content(hash, Channel.EMAIL, "S", "", "T", (), (file,))
        run = uuid.uuid4()
        await broker.chunk(work(run, ["p@example.vn"], content_hash=hash))
        house.engine(mail.wire())

        await house.until(run, {State.FAILED: 1})

    async def test_garbage_is_buried_and_stops_nothing(self, house: House, broker: Broker) -> None:
        run = uuid.uuid4()
        await broker.chunk(b"\xff\xff garbage")
        await broker.chunk(work(run, ["x@example.vn"], run_date="yesterday"))
        await broker.chunk(work(run, list(people(2))))

        await house.until(run, {State.QUEUED: 2})

        async def buried() -> bool:
            return await broker.buried("bulk") == 2

        await until(buried)
