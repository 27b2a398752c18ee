"""A person leaves a notifier: rows stay to be counted, nothing of them names anybody."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from crm.erasure.v1 import erasure_pb2
from crm.notifier.v1.erasure_service_pb2_grpc import ErasureServiceStub

from chassis.context import Principal
from chassis.errors import InvalidArgument, PermissionDenied
from services.notifier.domain.states import Channel, Next, Purpose, Reason, State
from services.notifier.domain.work import Claimed, Key, Kind
from services.notifier.usecases import gating, intake, rulebook
from tests.integration.notifier import notifier_parts
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    CONTENT,
    DAY,
    EMAIL_SENDER,
    House,
)
from tests.integration.serving import Served, refused

HOA = "hoa.rat.rieng@example.vn"
HOUSE = Principal(subject="leads", kind="service")

SECRET = b"mac" * 8
NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
STANDARDS = gating.Standards(rulebook.load(), "Asia/Ho_Chi_Minh", SECRET)


async def erase(served: Served, **given: object) -> erasure_pb2.ErasePersonResponse:
    request = erasure_pb2.ErasePersonRequest(erasure_id=str(uuid.uuid4()), **given)
    stub = ErasureServiceStub(served.as_(HOUSE))
    answer: erasure_pb2.ErasePersonResponse = await stub.ErasePerson(request)
    return answer


async def contact_of(house: House, address: str) -> str:
    ((contact_id,),) = await house.sql(
        "SELECT contact_id FROM messages WHERE address_key = :key", key=address
    )
    return str(contact_id)


def counts(answer: erasure_pb2.ErasePersonResponse) -> dict[str, int]:
    return {it.kind: it.count for it in answer.erased}


def message(address: str, purpose: Purpose = Purpose.CARE) -> Claimed:
    kind = Kind(None, Channel.EMAIL, purpose, ADVERTISER, EMAIL_SENDER, f"{CONTENT}2")
    key = Key(DAY, uuid.uuid4())
    return Claimed(key, 1, 0, kind, address, address, "", ("Hoa",), None, NOW)


async def judged(house: House, *messages: Claimed) -> list[Next]:
    async with house.sessions.begin() as session:
        decided = await gating.judge(session, Channel.EMAIL, messages, None, STANDARDS)
    return [to for _, to in decided.diverted]


class TestMessages:
    async def test_a_persons_lose_address_and_values_and_others_keep_theirs(
        self, house: House, served: Served
    ) -> None:
        run_id = await house.take([HOA, "khac@example.vn"])
        contact_id = await contact_of(house, HOA)

        answer = await erase(served, contact_ids=[contact_id], emails=[HOA])

        rows = await house.sql(
            "SELECT address, address_key, values, answer FROM messages WHERE run_id = :run"
            " ORDER BY address",
            run=run_id,
        )
        assert [tuple(it) for it in rows] == [
            ("", "", [], ""),
            ("khac@example.vn", "khac@example.vn", ["Đào"], ""),
        ]
        assert counts(answer)["messages"] == 1

    async def test_again_finds_nothing(self, house: House, served: Served) -> None:
        await house.take([HOA])
        given = {"contact_ids": [await contact_of(house, HOA)], "emails": [HOA]}
        await erase(served, **given)

        again = await erase(served, **given)

        assert counts(again) == {}
        assert again.waiting == 0

    async def test_one_that_another_service_names_loses_them_too(
        self, house: House, served: Served
    ) -> None:
        await house.take([HOA, "khac@example.vn"])
        ((its_id,),) = await house.sql(
            "SELECT message_id FROM messages WHERE address_key = :key", key=HOA
        )
        named = [erasure_pb2.ErasedSubject(type="message", id=str(its_id))]

        answer = await erase(served, contact_ids=[str(uuid.uuid4())], subjects=named)

        assert counts(answer)["messages"] == 1
        rows = await house.sql("SELECT address, values FROM messages ORDER BY address")
        assert [tuple(it) for it in rows] == [("", []), ("khac@example.vn", ["Đào"])]

    async def test_one_that_waits_is_skipped_with_a_reason_of_its_own(self, house: House) -> None:
        (to,) = await judged(house, message(""))

        assert to == Next(State.SKIPPED, Reason.CONTACT_ERASED, rule="contact.erased")

    async def test_what_is_taken_in_afterwards_is_stored_without_an_address(
        self, house: House, served: Served
    ) -> None:
        run_id = await house.take([HOA])
        contact_id = await contact_of(house, HOA)
        await house.sql("DELETE FROM messages")
        await erase(served, contact_ids=[contact_id])
        chunk = notifier_parts.make_chunk(run_id, [HOA, "khac@example.vn"])
        hers = chunk.recipients[0]._replace(contact_id=uuid.UUID(contact_id))
        late = replace(chunk, recipients=(hers, chunk.recipients[1]))

        async with house.sessions.begin() as session:
            await intake.take(session, late)

        rows = await house.sql("SELECT address, values FROM messages ORDER BY address")
        assert [tuple(it) for it in rows] == [("", []), ("khac@example.vn", ["Đào"])]

    async def test_what_a_provider_said_of_them_goes_with_them(
        self, house: House, served: Served
    ) -> None:
        await house.take([HOA])
        contact_id = await contact_of(house, HOA)
        await house.sql("UPDATE messages SET state = 11, answer = '550 5.1.1 <hoa> unknown'")
        await house.sql(
            "INSERT INTO receipts (provider, reference, state, message_id, detail)"
            " SELECT 'mail', 'r', 10, message_id, 'hoa is no user here' FROM messages"
        )

        await erase(served, contact_ids=[contact_id])

        assert await house.sql("SELECT answer, state FROM messages") == [("", 11)]
        assert await house.sql("SELECT detail FROM receipts") == [("",)]

    async def test_what_counts_of_their_address_goes(self, house: House, served: Served) -> None:
        await house.take([HOA, "khac@example.vn"])
        await house.sql(
            "INSERT INTO caps (address, message_id, claim, counted_at)"
            " SELECT 1, message_id, 1, now() FROM messages"
        )

        await erase(served, contact_ids=[await contact_of(house, HOA)])

        left = await house.sql(
            "SELECT m.address_key FROM caps c JOIN messages m USING (message_id)"
        )
        assert left == [("khac@example.vn",)]

    async def test_a_mail_to_a_colleague_that_names_them_is_waited_for_until_it_is_sent(
        self, house: House, served: Served
    ) -> None:
        await house.take(["colleague@example.vn"])
        await house.sql("UPDATE contents SET body = 'Gọi Trần Thị Hoa'")
        await house.sql(
            "UPDATE messages SET contact_id = NULL, run_id = NULL, state = 1,"
            " content_hash = (SELECT min(hash) FROM contents)"
        )
        await house.sql("DELETE FROM runs")
        given = {"contact_ids": [str(uuid.uuid4())], "names": ["Trần Thị Hoa"]}

        queued = await erase(served, **given)
        namesake = await erase(served, **{**given, "names": ["Trần Thị Ho"]})
        await house.sql("UPDATE messages SET state = 9")
        sent = await erase(served, **given)

        assert (queued.waiting, namesake.waiting, sent.waiting) == (1, 0, 0)
        assert counts(sent)["contents"] >= 1
        assert await house.sql("SELECT 1 FROM contents WHERE body LIKE '%Hoa%'") == []


class TestTraces:
    async def test_published_events_and_answers_go_and_unpublished_ones_are_waited_for(
        self, house: House, served: Served
    ) -> None:
        for published in (NOW, None):
            await house.sql(
                "INSERT INTO outbox (id, class, subject, payload, published_at)"
                " VALUES (gen_random_uuid(), 'FACTS', 'x', convert_to(:to, 'UTF8'), :published)",
                to=f"to {HOA}",
                published=published,
            )
        await house.sql(
            "INSERT INTO idempotency (subject, method, request_id, request_hash, response)"
            " VALUES ('a', 'b', 'c', '', convert_to(:to, 'UTF8'))",
            to=HOA,
        )

        answer = await erase(served, contact_ids=[str(uuid.uuid4())], emails=[HOA])

        assert counts(answer) == {"answers": 1, "outbox": 1}
        assert answer.waiting == 1


class TestRefusals:
    async def test_only_the_house_may(self, served: Served) -> None:
        admin = Principal(str(uuid.uuid4()), "user", None, {"contacts": {"erase": "all"}})
        stub = ErasureServiceStub(served.as_(admin))

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stub.ErasePerson(erasure_pb2.ErasePersonRequest(contact_ids=[str(uuid.uuid4())]))

    async def test_somebody_has_to_be_named(self, served: Served) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await erase(served, emails=[HOA])
