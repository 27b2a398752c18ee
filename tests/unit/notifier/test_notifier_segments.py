"""How many segments of an SMS are sent, and how many are billed, at each edge of the tables."""

import uuid
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from services.notifier.domain import sms, tokens
from services.notifier.domain.rulebook import Rulebook
from services.notifier.domain.rules import Rules
from services.notifier.domain.segments import Counted, Counter
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import Key
from tests.unit.notifier.domain_parts import sender
from tests.unit.notifier.rule_parts import RULES, changed

LINKS = "https://crm.example.vn/u/"
TABLE: dict[str, Any] = {
    "id": "vn.sms.billing",
    "kind": "billing",
    "jurisdiction": "VN",
    "channels": ["SMS"],
    "purposes": ["MARKETING"],
    "encoding": "gsm7",
    "up_to": [100, 200],
    "further": 50,
    "source": "a contract",
}


def of_length(length: int, purpose: Purpose, letter: str = "a", rules: Rules = RULES) -> Counted:
    """A message that is so long with the label and the link it needs."""
    count = Counter(rules, purpose, sender(), LINKS)
    around = len(count("a").text) - 1
    found = count(letter * (length - around))
    assert len(found.text) == length
    return found


class TestBilled:
    @pytest.mark.parametrize(
        ("length", "sent", "billed"),
        [
            (122, 1, 1),
            (123, 1, 2),
            (158, 1, 2),
            (159, 2, 2),
            (268, 2, 2),
            (269, 2, 3),
            (304, 2, 3),
            (305, 3, 3),
            (421, 3, 3),
            (422, 3, 4),
            (574, 4, 4),
            (575, 4, 5),
        ],
    )
    def test_advertising_by_the_table_of_advertising(
        self, length: int, sent: int, billed: int
    ) -> None:
        # Each bracket of the label takes the room of two when it is sent, and counts once.
        found = of_length(length, Purpose.MARKETING)

        assert (found.size.parts, found.billed) == (sent, billed)
        assert found.rule == "vn.sms.billing.marketing"
        assert found.text.startswith("[QC] ")

    @pytest.mark.parametrize(
        ("length", "billed"),
        [(1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4), (612, 4), (613, 5)],
    )
    @pytest.mark.parametrize("purpose", [Purpose.CARE, Purpose.TRANSACTIONAL])
    def test_care_as_it_is_sent(self, length: int, billed: int, purpose: Purpose) -> None:
        found = of_length(length, purpose)

        assert (found.size.parts, found.billed) == (billed, billed)
        assert found.rule == "vn.sms.billing.care"

    def test_never_less_is_billed_than_is_sent(self) -> None:
        found = of_length(122, Purpose.TRANSACTIONAL, "€")

        assert (found.size.parts, found.billed) == (2, 2)

    def test_letters_with_marks_are_in_no_table_and_billed_as_sent(self) -> None:
        found = of_length(135, Purpose.MARKETING, "ạ")

        assert (found.size.encoding, found.size.parts) == ("ucs2", 3)
        assert (found.billed, found.rule) == (3, "")

    def test_a_purpose_without_a_table_is_billed_as_sent(self) -> None:
        found = of_length(161, Purpose.CONSENT_REQUEST)

        assert (found.size.parts, found.billed, found.rule) == (2, 2, "")

    def test_an_empty_text_costs_nothing(self) -> None:
        found = Counter(RULES, Purpose.CARE, sender(), LINKS)("")

        assert (found.size.parts, found.billed) == (0, 0)

    @pytest.mark.parametrize(("length", "billed"), [(100, 1), (101, 2), (200, 2), (201, 3)])
    def test_a_table_of_another_provider_takes_its_place(self, length: int, billed: int) -> None:
        rules = Rules(Rulebook.model_validate(changed(rules=[TABLE])))

        assert of_length(length, Purpose.MARKETING, rules=rules).billed == billed

    def test_of_two_tables_the_dearer_counts(self) -> None:
        other = {**TABLE, "id": "vn.sms.other", "up_to": [90]}
        rules = Rules(Rulebook.model_validate(changed(rules=[TABLE, other])))

        found = of_length(100, Purpose.MARKETING, rules=rules)
        assert (found.billed, found.rule) == (2, "vn.sms.other")

    @pytest.mark.parametrize(
        "change", [{"up_to": []}, {"up_to": [160, 160]}, {"up_to": [0]}, {"further": 0}]
    )
    def test_a_table_that_cannot_be_right_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Rulebook.model_validate(changed(rules=[{**TABLE, **change}]))


class TestTexts:
    def test_what_stands_for_the_link_is_counted_as_long_as_links_are(self) -> None:
        count = Counter(RULES, Purpose.MARKETING, sender(), LINKS)

        found = count("Tu choi: https://e.vn/u/s", "https://e.vn/u/s")

        assert found.text == f"[QC] Tu choi: {LINKS}{'x' * tokens.LINK_LENGTH}"

    def test_a_message_nobody_can_refuse_has_no_link(self) -> None:
        assert Counter(RULES, Purpose.TRANSACTIONAL, sender(), LINKS)("Ma 1").text == "Ma 1"

    def test_a_link_is_as_long_as_is_counted(self) -> None:
        key = Key(date(2026, 11, 22), uuid.uuid4())
        link = tokens.Link(key, Channel.SMS, Purpose.MARKETING, uuid.uuid4())

        assert len(tokens.link_token(link, b"secret")) == tokens.LINK_LENGTH


class TestSizes:
    @pytest.mark.parametrize("text", ["", "a", "a" * 160, "a" * 161, "ạ" * 70, "ạ" * 71, "€" * 81])
    def test_a_text_is_counted_as_it_is_written(self, text: str) -> None:
        written = sms.encode(text, 1)

        assert sms.size(text).parts == (len(written.parts) if text else 0)

    def test_one_that_is_too_long_to_send_is_counted_too(self) -> None:
        assert sms.size("a" * 153 * 11).parts == 11
