"""Who is planned, as far as a batch alone tells, and how a row is packed."""

from dataclasses import replace

import pytest

from services.campaigns.domain import planning
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.planning import Member
from services.campaigns.domain.states import ExclusionReason as Why
from services.campaigns.domain.states import RunState
from tests.unit.campaigns.test_campaigns_states import a_run

PERSON = Member(1, bytes(16), "A@x.vn", "a@x.vn", True, False, "sg", "UTC", "vi", ["An"])


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

        (found,) = planning.decide(a_run(RunState.PLANNING), [person], ("vn", "sg"), set())

        assert found.reason is why
        assert (found.message_id is None) is (why is not None)

    def test_somebody_without_consent_does_not_take_the_address_of_another(self) -> None:
        people = [PERSON._replace(consented=False), PERSON, PERSON]

        found = planning.decide(a_run(RunState.PLANNING), people, ("vn",), set())

        assert [each.reason for each in found] == [Why.NO_CONSENT, None, Why.SHARED_ADDRESS]

    @pytest.mark.parametrize("address", ["0912345678", "+0912345678", "+84 912", "+84", "a@x.vn"])
    def test_a_phone_is_e164(self, address: str) -> None:
        run = replace(a_run(RunState.PLANNING), channel=Channel.SMS)

        (found,) = planning.decide(run, [PERSON._replace(address=address)], ("vn",), set())

        assert found.reason is Why.INVALID_ADDRESS

    def test_a_region_without_a_notifier_is_sent_from_home(self) -> None:
        regions = [
            planning.decide(
                a_run(RunState.PLANNING), [PERSON._replace(region=it)], ("vn", "sg"), set()
            )
            for it in ("sg", "", "mars")
        ]

        assert [each[0].region for each in regions] == ["sg", "vn", "vn"]

    def test_transactional_messages_need_no_consent(self) -> None:
        run = replace(a_run(RunState.PLANNING), purpose=Purpose.TRANSACTIONAL)

        (found,) = planning.decide(run, [PERSON._replace(consented=False)], ("vn",), set())

        assert found.reason is None
