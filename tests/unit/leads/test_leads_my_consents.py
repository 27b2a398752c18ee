"""How consents stand for the person: the ledger says when, and what senders go by whether."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from chassis.errors import InvalidArgument
from services.leads.domain import consent, my_consents
from services.leads.domain.consent import Action
from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.my_consents import Said, Standing

ONE, TWO = UUID(int=1), UUID(int=2)
MARKETING, SMS, EMAIL = 1 << Purpose.MARKETING, 1 << Channel.SMS, 1 << Channel.EMAIL


def at(day: int) -> datetime:
    return datetime(2026, 5, day, tzinfo=UTC)


def said(advertiser: UUID | None, purposes: int, channels: int, action: int, day: int) -> Said:
    return Said(advertiser, purposes, channels, Action(action), at(day))


class TestStandings:
    def test_what_is_in_force_is_given_since_it_was_last_said(self) -> None:
        told = [said(ONE, MARKETING, SMS | EMAIL, 1, 1), said(ONE, MARKETING, EMAIL, 1, 3)]
        force = {ONE: consent.cells(MARKETING, SMS | EMAIL)}

        assert my_consents.standings(told, force) == [
            Standing(ONE, Purpose.MARKETING, Channel.SMS, True, at(1)),
            Standing(ONE, Purpose.MARKETING, Channel.EMAIL, True, at(3)),
        ]

    def test_what_senders_do_not_go_by_is_withdrawn_whatever_was_given(self) -> None:
        told = [said(ONE, MARKETING, SMS, 1, 5), said(ONE, MARKETING, SMS, 2, 4)]

        (one,) = my_consents.standings(told, {ONE: 0})

        assert (one.given, one.time) == (False, at(4))

    def test_a_withdrawal_from_everybody_is_one_from_each_that_is_known(self) -> None:
        told = [said(ONE, MARKETING, SMS, 1, 1), said(None, 1, SMS, 2, 2)]

        found = my_consents.standings(told, {})

        assert {(it.advertiser_id, it.purpose) for it in found} == {
            (ONE, Purpose.MARKETING),
            (ONE, Purpose.CARE),
        }
        assert not any(it.given for it in found)

    def test_of_whom_the_ledger_says_nothing_nothing_is_said(self) -> None:
        assert my_consents.standings([said(None, 1, SMS, 2, 2)], {TWO: 2}) == []


class TestAWish:
    @pytest.mark.parametrize("purpose", [Purpose.TRANSACTIONAL, Purpose.CONSENT_REQUEST])
    def test_what_needs_no_consent_cannot_be_refused(self, purpose: Purpose) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            my_consents.checked(str(ONE), purpose, Channel.SMS, given=False)

        assert [it.field for it in refusal.value.violations] == ["purpose"]
