"""Who is planned, as far as a batch alone tells, and how a row is packed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.campaigns.domain import planning
from services.campaigns.domain.addresses import Addresses
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.planning import Member
from services.campaigns.domain.states import ExclusionReason as Why
from services.campaigns.domain.states import RunState
from tests.unit.campaigns.people import columns
from tests.unit.campaigns.test_campaigns_states import a_run

PERSON = Member(1, bytes(16), "A@x.vn", "a@x.vn", True, False, "sg", "UTC", "vi", ["An"])


def decided(
    people: Sequence[Member], *, regions: Sequence[str] = ("vn", "sg"), **others: Any
) -> planning.Decisions:
    """Return what a run, or one as given, decides about people."""
    run = replace(a_run(RunState.PLANNING), **others)
    return planning.decide(run, columns(people), regions)


class TestDecisions:
    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({}, None),
            ({"gone": True, "address": ""}, Why.CONTACT_GONE),
            ({"address": "", "address_key": ""}, Why.NO_ADDRESS),
            ({"address_key": ""}, Why.INVALID_ADDRESS),
            ({"address": "a b@x.vn"}, Why.INVALID_ADDRESS),
            ({"address": "a@x\r\nBcc: b@x.vn"}, Why.INVALID_ADDRESS),
            ({"address": "a@" + "x" * 250 + ".vn"}, Why.INVALID_ADDRESS),
            ({"consented": False}, Why.NO_CONSENT),
        ],
    )
    def test_each_has_its_reason(self, given: dict[str, object], why: Why | None) -> None:
        person = Member(**(PERSON._asdict() | given))

        found = decided([person])

        assert found.reasons == [why]
        assert (found.message_ids == [None]) is (why is not None)

    def test_who_has_only_failed_addresses_is_told_from_who_has_none(self) -> None:
        people = columns([PERSON._replace(address="", address_key="")])
        failed = people._replace(marks=bytes([planning.INVALID | planning.CONSENTED]))

        found = planning.decide(a_run(RunState.PLANNING), failed, ("vn",))

        assert found.reasons == [Why.INVALID_ADDRESS]

    @given(
        st.sampled_from(Channel),
        st.lists(
            st.sampled_from(["", "+84912345678", "+84", "a@x.vn", "a@x..vn", "a@@x.vn", "a@.vn"])
            | st.text("+0189a@. \r\n", max_size=12)
            | st.from_regex(r"[^\s@<>\x00-\x1f\x7f]{60,66}@a\.b", fullmatch=True)
            | st.just("a@" + "x" * 250 + ".vn"),
            min_size=1,
            max_size=8,
        ),
    )
    @settings(max_examples=50)
    def test_what_is_decided_of_many_is_what_is_decided_of_each(
        self, channel: Channel, addresses: list[str]
    ) -> None:
        people = [PERSON._replace(address=it, address_key=str(n)) for n, it in enumerate(addresses)]

        together = decided(people, channel=channel)

        alone = [decided([it], channel=channel) for it in people]
        assert together.reasons == [it.reasons[0] for it in alone]
        assert [it is None for it in together.message_ids] == [
            it.message_ids == [None] for it in alone
        ]

    @pytest.mark.parametrize("address", ["0912345678", "+0912345678", "+84 912", "+84", "a@x.vn"])
    def test_a_phone_is_e164(self, address: str) -> None:
        found = decided([PERSON._replace(address=address)], channel=Channel.SMS)

        assert found.reasons == [Why.INVALID_ADDRESS]

    def test_a_region_without_a_notifier_is_sent_from_home(self) -> None:
        found = decided([PERSON._replace(region=it) for it in ("sg", "", "mars")])

        assert list(found.regions) == ["sg", "vn", "vn"]

    def test_transactional_messages_need_no_consent(self) -> None:
        found = decided([PERSON._replace(consented=False)], purpose=Purpose.TRANSACTIONAL)

        assert found.reasons == [None]


class TestSharedAddresses:
    def test_the_first_of_an_address_gets_the_message(self) -> None:
        addresses = Addresses(4)
        key = bytes(32)
        first = decided([PERSON, PERSON._replace(address_key="b@x.vn")], key=key)
        then = decided([PERSON._replace(contact_id=b"2" * 16)], key=key)
        kept = list(first.message_ids)

        planning.share(first, addresses)
        planning.share(then, addresses)

        assert first.message_ids == kept
        assert (then.message_ids, then.reasons) == ([None], [Why.SHARED_ADDRESS])

    def test_within_a_stretch_too(self) -> None:
        found = decided([PERSON._replace(consented=False), PERSON, PERSON])

        planning.share(found, Addresses(4))

        assert found.reasons == [Why.NO_CONSENT, None, Why.SHARED_ADDRESS]
