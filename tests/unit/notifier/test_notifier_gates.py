"""The gates that read the rules: lists, limits, senders and texts."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from services.notifier.config import KEYS_KEPT_DAYS
from services.notifier.domain import addresses
from services.notifier.domain.gates import Limit
from services.notifier.domain.rulebook import CapRule, Rulebook, window
from services.notifier.domain.rules import Rules
from services.notifier.domain.states import Channel, Next, Purpose, Reason, State
from services.notifier.domain.texts import Legal
from services.notifier.domain.work import Agreement
from services.notifier.storage import caps
from tests.unit.notifier.domain_parts import ADVERTISER, sender
from tests.unit.notifier.rule_parts import (
    NEW_YORK,
    NOON,
    RULES,
    SAIGON,
    changed,
    judge,
    message,
)


class TestLists:
    def test_a_listed_number_gets_no_advertising_and_no_request(self) -> None:
        ask = judge(listed={"vn": frozenset({"+84901234567"})})

        for purpose in (Purpose.MARKETING, Purpose.CONSENT_REQUEST):
            assert ask(message(purpose=purpose)) == Next(
                State.SKIPPED, Reason.DO_NOT_CALL, rule="vn.sms.do_not_call"
            )
            assert ask(message("+84900000000", purpose=purpose)) is None
        assert ask(message(purpose=Purpose.CARE)) is None

    @pytest.mark.parametrize(
        ("age", "may_go"),
        [(None, False), (timedelta(hours=24), True), (timedelta(hours=24, seconds=1), False)],
    )
    def test_a_list_too_old_or_never_given_holds_advertising_back(
        self, age: timedelta | None, may_go: bool
    ) -> None:
        known = {} if age is None else {"vn": NOON - age}

        to = judge(lists_as_of=known)(message())

        if may_go:
            assert to is None
        else:
            assert to == Next(
                State.DEFERRED,
                Reason.DO_NOT_CALL_STALE,
                (NOON + timedelta(minutes=10)).astimezone(UTC),
                "vn.sms.do_not_call",
            )

    def test_it_is_asked_about_its_own_numbers_only(self) -> None:
        late = datetime(2026, 11, 21, 20, tzinfo=NEW_YORK)

        assert judge(late, lists_as_of={})(message("+12125550100")) is None


class TestLimits:
    @pytest.mark.parametrize(
        ("channel", "purpose", "rule"),
        [
            (Channel.SMS, Purpose.MARKETING, "vn.sms.cap"),
            (Channel.EMAIL, Purpose.MARKETING, "vn.email.cap"),
            (Channel.SMS, Purpose.CARE, ""),
            (Channel.EMAIL, Purpose.TRANSACTIONAL, ""),
        ],
    )
    def test_three_a_day_of_advertising(
        self, channel: Channel, purpose: Purpose, rule: str
    ) -> None:
        found = judge().limit(message(channel=channel, purpose=purpose))

        assert found == (Limit(3, 24, rule) if rule else None)

    def test_an_agreement_takes_the_place_of_cap_and_hours(self) -> None:
        agreed = Agreement(10, (window("20:00-23:00"),))
        agreements = {(ADVERTISER, "+84901234567"): agreed}
        ask = judge(agreements=agreements)
        late = judge(datetime(2026, 11, 21, 22, 30, tzinfo=SAIGON), agreements=agreements)

        to = ask(message())

        assert ask.limit(message()) == Limit(10, 24, "agreement.cap")
        assert to is not None
        assert to.rule == "agreement.hours"
        assert to.not_before == datetime(2026, 11, 21, 20, tzinfo=SAIGON)
        assert late(message()) is None
        assert late(message("+84900000000")) is not None

    def test_one_may_change_the_cap_alone(self) -> None:
        agreements = {(ADVERTISER, "+84901234567"): Agreement(1, None)}
        night = datetime(2026, 11, 21, 23, tzinfo=SAIGON)

        to = judge(night, agreements=agreements)(message())

        assert to is not None
        assert to.rule == "vn.sms.hours"

    def test_the_least_is_below_none_that_holds(self) -> None:
        agreements = {
            (ADVERTISER, "+84901234567"): Agreement(2, None),
            (ADVERTISER, "+84901234568"): Agreement(None, (window("20:00-23:00"),)),
        }
        kind = message().kind

        assert judge().least(kind) == Limit(3, 24, "vn.sms.cap")
        assert judge(agreements=agreements).least(kind) == Limit(2, 24, "vn.sms.cap")
        assert judge().least(kind._replace(purpose=Purpose.CARE)) is None

    def test_the_least_is_that_of_all_jurisdictions_and_none_where_some_have_no_cap(self) -> None:
        ours = changed()["rules"]
        cap = next(it for it in ours if it["id"] == "vn.sms.cap")
        abroad = {**cap, "id": "us.sms.cap", "jurisdiction": "US", "most": 2}
        care = {**abroad, "id": "us.sms.care", "purposes": ["CARE"]}
        rules = Rules(Rulebook.model_validate(changed(rules=[*ours, abroad, care])))
        kind = message().kind

        assert judge(rules=rules).least(kind) == Limit(2, 24, "us.sms.cap")
        assert judge(rules=rules).least(kind._replace(purpose=Purpose.CARE)) is None

    def test_days_are_kept_longer_than_any_cap_looks_back(self) -> None:
        (_, longest) = CapRule.model_fields["hours"].metadata

        assert timedelta(hours=longest.le) + 2 * caps.SLACK < timedelta(days=KEYS_KEPT_DAYS)

    def test_a_request_for_consent_is_made_once(self) -> None:
        ask = judge()

        assert ask.once(message(purpose=Purpose.CONSENT_REQUEST)) == "vn.sms.consent_request.once"
        assert ask.once(message()) == ""


class TestSenders:
    @pytest.mark.parametrize(
        ("name", "is_right"),
        [
            ("MEKONG", True),
            ("ME-KO_N.G 1", True),
            ("ABCDEFGHIJK", True),
            ("ABCDEFGHIJKL", False),
            ("19001234", False),
            ("+84901234567", False),
            ("1-2_3.4", False),
            ("MÊKÔNG", False),
            (" MEKONG", False),
        ],
    )
    def test_a_brand_name_is_no_number_and_fits(self, name: str, is_right: bool) -> None:
        assert (addresses.brand_trouble(name, 11, "-_. ") is None) is is_right
        ask = judge(senders={uuid.UUID(int=7): sender(address=name)})
        to = ask(message())
        if is_right:
            assert to is None
        else:
            assert to == Next(State.SKIPPED, Reason.SENDER_INVALID, rule="vn.sms.sender")

    def test_its_registration_ends_after_three_years(self) -> None:
        begun = datetime(2026, 1, 2, tzinfo=UTC)
        ends = addresses.registered_until(begun, 3)

        expired = judge(ends, senders={uuid.UUID(int=7): sender(expires_at=ends)})(message())

        assert ends == datetime(2029, 1, 2, tzinfo=UTC)
        assert expired == Next(State.SKIPPED, Reason.SENDER_EXPIRED, rule="vn.sms.sender")


class TestTexts:
    def complete(self, channel: Channel, purpose: Purpose, *texts: str) -> tuple[str, str, str]:
        subject, html, text = texts
        legal = Legal(RULES, channel, purpose, sender(advertiser_name="A & B"))
        return legal((subject, html, text), "https://x.vn/u/1")

    def test_advertising_by_sms_begins_with_its_label_and_ends_with_how_to_refuse(self) -> None:
        _, _, text = self.complete(Channel.SMS, Purpose.MARKETING, "", "", "Giam 10%")

        assert text == "[QC] Giam 10% Tu choi: https://x.vn/u/1"

    def test_what_a_template_says_itself_is_not_said_twice(self) -> None:
        own = "[AD] Giam 10%. Tu choi https://x.vn/u/1"

        assert self.complete(Channel.SMS, Purpose.MARKETING, "", "", own)[2] == own

    def test_a_request_for_consent_has_its_own_label(self) -> None:
        _, _, text = self.complete(Channel.SMS, Purpose.CONSENT_REQUEST, "", "", "Dong y?")

        assert text.startswith("DKQC Dong y?")

    def test_a_mail_names_advertiser_address_and_the_refusal_of_everything(self) -> None:
        subject, html, text = self.complete(
            Channel.EMAIL, Purpose.MARKETING, "Giảm giá", "<body><p>x</p></body>", "x"
        )

        assert subject == "[QC] Giảm giá"
        assert html.endswith("</body>")
        for part in (html, text):
            assert "https://x.vn/u/1" in part
            assert "1 Tràng Tiền" in part
            assert "mọi sản phẩm" in part
        assert "A &amp; B" in html
        assert "A & B" in text

    def test_other_purposes_are_left_alone(self) -> None:
        for channel in Channel:
            for purpose in (Purpose.CARE, Purpose.TRANSACTIONAL):
                same = ("s", "<p>h</p>", "t")
                assert self.complete(channel, purpose, *same) == same
