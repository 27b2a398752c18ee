"""What campaigns writes for others, and reads from them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from crm.campaigns.v1 import campaign_pb2, run_pb2, template_pb2
from crm.leads.v1 import contact_pb2
from crm.notifier.v1 import events_pb2, message_pb2, work_pb2
from google.protobuf import timestamp_pb2

from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.planning import Decisions, Member
from services.campaigns.domain.rendering import VARIABLES
from services.campaigns.domain.states import (
    OF_MESSAGE,
    ExclusionReason,
    RecipientState,
    RunState,
)
from services.campaigns.messages import audiences, kinds, work
from services.campaigns.storage.news import News, Told, newest
from tests.unit.campaigns.people import columns
from tests.unit.campaigns.test_campaigns_states import a_run

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def person(number: int, address: str, region: str = "vn") -> Member:
    """Return the person of an ordinal; every second one reads another language."""
    contact_id, locale = number.to_bytes(16, "big"), "vi" if number % 3 else "en"
    values = [f"Đào {number}", ""]
    return Member(
        number, contact_id, address, address.lower(), True, False, region, "UTC", locale, values
    )


def decided(people: Sequence[Member]) -> Decisions:
    """Return the decision to write to each who has an address, under an id made of the ordinal."""
    return Decisions(
        columns(people),
        [bytes([it.ordinal % 256] * 16) if it.address else None for it in people],
        [None if it.address else ExclusionReason.NO_ADDRESS for it in people],
        [it.region for it in people],
        columns(people).values,
    )


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
    def test_packed_people_follow_a_head(self) -> None:
        run, chunk_id = a_run(RunState.SENDING), uuid4()
        decisions = decided([person(1, "A@x.vn"), person(2, ""), person(3, "+84912345678")])

        (packed,) = work.packed(decisions)

        chunk = work_pb2.Chunk.FromString(work.head(run, chunk_id, 7) + packed.payload)
        assert (chunk.chunk_id, chunk.epoch) == (chunk_id.bytes, 7)
        assert (packed.region, packed.last_ordinal, packed.size) == ("vn", 3, 2)
        assert chunk.message_ids == bytes([1] * 16 + [3] * 16)
        assert chunk.contact_ids == bytes(15) + b"\1" + bytes(15) + b"\3"
        assert chunk.addresses == b"A@x.vn\0+84912345678"
        assert chunk.address_keys == b"a@x.vn\0+84912345678"
        assert (chunk.time_zones, chunk.locales) == (b"UTC", b"vi\0en")
        assert list(chunk.values) == ["Đào 1\0Đào 3".encode(), b"\0"]

    def test_keys_that_are_the_addresses_are_not_said_twice(self) -> None:
        (packed,) = work.packed(decided([person(3, "+84912345678")]))

        assert work_pb2.Chunk.FromString(packed.payload).address_keys == b""

    def test_a_region_has_chunks_of_its_own_of_up_to_500(self) -> None:
        people = [person(n, f"{n}@x.vn", "sg" if n % 3 else "vn") for n in range(1, 1_001)]

        found = list(work.packed(decided(people)))

        assert [(it.region, it.size) for it in found] == [("sg", 500), ("sg", 167), ("vn", 333)]
        assert [it.last_ordinal for it in found] == [749, 1_000, 999]

    def test_those_of_whom_was_heard_are_taken_out(self) -> None:
        everybody = [person(n, f"P{n}@x.vn") for n in range(1, 5)]
        (whole,) = work.packed(decided(everybody))
        (some,) = work.packed(decided([everybody[1], everybody[3]]))
        (one,) = work.packed(decided([everybody[2]]))

        assert work.kept(whole.payload, {bytes([2] * 16), bytes([4] * 16)}) == some.payload
        assert work.kept(whole.payload, {bytes([3] * 16)}) == one.payload

    def test_a_head_takes_less_than_is_kept_for_it(self) -> None:
        run = replace(a_run(RunState.SENDING), variables=tuple(sorted(VARIABLES)))

        assert len(work.head(run, uuid4(), 2**62)) < work.HEAD_BYTES


class TestReports:
    def event(self, **given: object) -> events_pb2.MessagesProgressed:
        values: dict[str, object] = {"run_id": str(uuid4()), "run_date": "2026-11-21"}
        return events_pb2.MessagesProgressed(**(values | given))  # type: ignore[arg-type]

    def test_what_it_says_is_read(self) -> None:
        message_id, event = uuid4(), self.event()
        group = event.groups.add(
            message_ids=message_id.bytes,
            state=message_pb2.MESSAGE_STATE_BOUNCED,
            reason="5.1.1",
            revision=4,
        )
        group.time.FromDatetime(NOW)

        report = work.report(event.SerializeToString())

        assert report.run_id == UUID(event.run_id)
        assert report.told == [Told(message_id.bytes, News("BOUNCED", "5.1.1", 4, NOW))]

    def test_what_it_says_of_many_at_once_is_read(self) -> None:
        one, other, event = uuid4().bytes, uuid4().bytes, self.event()
        group = event.groups.add(
            message_ids=one + other, state=message_pb2.MESSAGE_STATE_ACCEPTED, revision=3
        )
        group.time.FromDatetime(NOW)
        event.groups.add(
            message_ids=other, state=message_pb2.MESSAGE_STATE_DEFERRED, reason="BUSY", revision=5
        )
        event.groups.add(message_ids=other, state=message_pb2.MESSAGE_STATE_QUEUED, revision=4)

        told = work.report(event.SerializeToString()).told

        assert told[0].news == News("ACCEPTED", "", 3, NOW)
        assert newest(told) == {one: 1, other: 2}
        assert told[1].news[1:3] == ("BUSY", 5)

    @pytest.mark.parametrize(
        "given",
        [
            {"run_id": "x"},
            {"run_date": "yesterday"},
            {
                "groups": [
                    events_pb2.ProgressGroup(
                        message_ids=bytes(17), state=message_pb2.MESSAGE_STATE_QUEUED
                    )
                ]
            },
            {"groups": [events_pb2.ProgressGroup(message_ids=bytes(16))]},
            {
                "groups": [
                    events_pb2.ProgressGroup(
                        message_ids=bytes(16), state=message_pb2.MESSAGE_STATE_FAILED, reason="\0"
                    )
                ]
            },
            {
                "groups": [
                    events_pb2.ProgressGroup(
                        message_ids=bytes(16),
                        state=message_pb2.MESSAGE_STATE_QUEUED,
                        time=timestamp_pb2.Timestamp(seconds=2**62),
                    )
                ]
            },
        ],
    )
    def test_nonsense_is_refused(self, given: dict[str, object]) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 (any of several texts)
            work.report(self.event(**given).SerializeToString())


def counting(report: work.Report) -> dict[bytes, News]:
    """Return what counts of each message."""
    return {it: report.told[number - 1].news for it, number in newest(report.told).items()}


class TestMerging:
    def test_reports_of_a_run_become_one_with_the_newest_of_each_message(self) -> None:
        one, other, day = uuid4(), uuid4(), date(2026, 11, 21)
        a, b, c = (bytes([n] * 16) for n in (1, 2, 3))
        old, new = News("ACCEPTED", "", 2, NOW), News("DELIVERED", "", 3, NOW)
        reports = [
            work.Report(one, day, [Told(a, new), Told(b, old)]),
            work.Report(other, day, [Told(c, old)]),
            work.Report(one, day, [Told(a, old), Told(b, new)]),
        ]

        merged = work.merged(reports)

        assert {each.run_id: counting(each) for each in merged} == {
            one: {a: new, b: new},
            other: {c: old},
        }
        assert [each.run_id for each in merged] == sorted([one, other])
        assert len(reports[0].told) == 2

    def test_of_what_is_said_twice_in_a_revision_the_first_counts(self) -> None:
        message_id = bytes(16)
        said = [News("ACCEPTED", reason, 2, NOW) for reason in ("first", "second")]

        assert newest([Told(message_id, each) for each in said]) == {message_id: 1}


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
