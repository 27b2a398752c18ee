"""What campaigns writes for others, and reads from them."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from crm.campaigns.v1 import campaign_pb2, run_pb2, template_pb2
from crm.leads.v1 import contact_pb2
from crm.notifier.v1 import events_pb2, message_pb2, work_pb2

from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.states import (
    OF_MESSAGE,
    ExclusionReason,
    RecipientState,
    RunState,
)
from services.campaigns.messages import audiences, kinds, work
from services.campaigns.storage.recipients import Waiting
from tests.unit.campaigns.test_campaigns_states import a_run


def waiting(number: int, value: str = "") -> Waiting:
    address = f"p{number}@example.vn"
    return Waiting(uuid4(), uuid4(), address, address, "Asia/Ho_Chi_Minh", "vi", [value])


class TestEnums:
    @pytest.mark.parametrize(
        ("enum", "ours"),
        [
            (template_pb2.Channel, Channel),
            (template_pb2.Purpose, Purpose),
            (campaign_pb2.RunState, RunState),
            (campaign_pb2.ExclusionReason, ExclusionReason),
            (run_pb2.RecipientState, RecipientState),
            (contact_pb2.Channel, Channel),
            (contact_pb2.Purpose, Purpose),
            (message_pb2.Channel, Channel),
            (message_pb2.Purpose, Purpose),
        ],
    )
    def test_ours_are_those_of_the_contract(self, enum: object, ours: object) -> None:
        numbers = [it for it in enum.values() if it]  # type: ignore[attr-defined]

        found = [kinds.kind(enum, ours, number) for number in numbers]  # type: ignore[arg-type]

        assert sorted(found) == sorted(ours)  # type: ignore[call-overload,type-var]
        assert [kinds.number(enum, each) for each in found] == numbers

    def test_every_state_of_a_message_is_one_of_a_recipient(self) -> None:
        names = [it.removeprefix("MESSAGE_STATE_") for it, _ in message_pb2.MessageState.items()]

        assert set(OF_MESSAGE) == set(names) - {"UNSPECIFIED"}


class TestChunks:
    def test_it_holds_at_most_500_people(self) -> None:
        payload, taken = work.chunk(
            a_run(RunState.SENDING), uuid4(), [waiting(n) for n in range(600)]
        )

        assert taken == len(work_pb2.Chunk.FromString(payload).recipients) == 500

    def test_it_stays_below_512_kib(self) -> None:
        people = [waiting(n, "ạ" * 1_000) for n in range(500)]

        payload, taken = work.chunk(a_run(RunState.SENDING), uuid4(), people)

        assert taken < 500
        assert 256 * 1024 < len(payload) <= work.MAX_BYTES

    def test_the_same_people_make_the_same_bytes(self) -> None:
        run, chunk_id, people = a_run(RunState.SENDING), uuid4(), [waiting(1), waiting(2)]

        assert work.chunk(run, chunk_id, people) == work.chunk(run, chunk_id, people)


class TestReports:
    def event(self, **given: object) -> events_pb2.MessagesProgressed:
        values: dict[str, object] = {"run_id": str(uuid4()), "run_date": "2026-11-21"}
        return events_pb2.MessagesProgressed(**(values | given))  # type: ignore[arg-type]

    def test_what_it_says_is_read(self) -> None:
        message_id, event = uuid4(), self.event()
        line = event.messages.add(
            message_id=message_id.bytes,
            state=message_pb2.MESSAGE_STATE_BOUNCED,
            reason="5.1.1",
            revision=4,
        )
        line.time.FromDatetime(datetime(2026, 11, 21, 8, tzinfo=UTC))

        report = work.report(event.SerializeToString())

        (news,) = report.news
        assert report.run_id == UUID(event.run_id)
        assert (news.message_id, news.state, news.reason, news.revision) == (
            message_id,
            RecipientState.BOUNCED,
            "5.1.1",
            4,
        )
        assert news.time == datetime(2026, 11, 21, 8, tzinfo=UTC)

    @pytest.mark.parametrize(
        "given",
        [
            {"run_id": "x"},
            {"run_date": "yesterday"},
            {
                "messages": [
                    events_pb2.MessageProgress(
                        message_id=b"short", state=message_pb2.MESSAGE_STATE_QUEUED
                    )
                ]
            },
            {"messages": [events_pb2.MessageProgress(message_id=bytes(16))]},
        ],
    )
    def test_nonsense_is_refused(self, given: dict[str, object]) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 (any of several texts)
            work.report(self.event(**given).SerializeToString())


class TestContactValues:
    def test_a_contact_has_the_values_an_audience_would_carry(self) -> None:
        contact = contact_pb2.Contact(
            given_name="Khai",
            emails=[
                contact_pb2.Email(address="a@example.vn"),
                contact_pb2.Email(address="b@example.vn", primary=True),
            ],
            phones=[contact_pb2.Phone(number="+84912345678")],
            birthday=contact_pb2.PartialDate(month=2, day=3),
            address=contact_pb2.Address(province="Huế"),
        )

        values = audiences.contact_values(contact)

        assert values["email"] == "b@example.vn"
        assert (values["phone"], values["given_name"]) == ("+84912345678", "Khai")
        assert (values["birthday"], values["province"], values["ward"]) == ("03/02", "Huế", "")
