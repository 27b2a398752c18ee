"""Which words of an SMS written back refuse."""

import pytest
import smpp34

from services.notifier.channels.smpp import pdu
from services.notifier.domain import replies


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", "STOP"),
        ("stop.", "STOP"),
        ("Unsubscribe!", "UNSUBSCRIBE"),
        ("end", "END"),
        ("Quit", "QUIT"),
        (" cancel ", "CANCEL"),
        ("Hủy", "HUY"),
        ("HUỶ", "HUY"),
        ("hu\u0309y", "HUY"),
        ("huy", "HUY"),
        ("TC", "TC"),
        ("tc qc", "TC"),
        ("Từ chối", "TU CHOI"),
        ("tu choi QC", "TU CHOI"),
        ("TUCHOI", "TUCHOI"),
        ("HUY SONGHONG", "HUY"),
        ("", None),
        ("OK", None),
        ("end of the month is fine", None),
        ("Cancel my appointment", None),
        ("khong dung lai", None),
        ("nonstop", None),
        ("dừng", None),
    ],
)
def test_the_words_of_a_refusal_in_any_case_and_with_any_accents(
    text: str, word: str | None
) -> None:
    assert replies.refusal(text) == word


class TestWhatComesIn:
    def deliver(self, text: bytes, **fields: int) -> bytes:
        return smpp34.DeliverSm("84901234567", "MEKONG", text, sequence_number=1, **fields).encode()

    def test_a_reply_tells_number_name_and_text(self) -> None:
        found = pdu.reply(self.deliver(b"HUY"))

        assert found == pdu.ReplyIn("+84901234567", "MEKONG", "HUY")

    def test_one_in_ucs2_keeps_its_accents(self) -> None:
        found = pdu.reply(self.deliver("Hủy".encode("utf-16-be"), data_coding=8))

        assert found is not None
        assert found.text == "Hủy"

    def test_one_with_a_header_is_read_behind_it(self) -> None:
        found = pdu.reply(self.deliver(bytes((5, 0, 3, 1, 1, 1)) + b"TC", esm_class=0x40))

        assert found is not None
        assert found.text == "TC"

    def test_a_receipt_is_none(self) -> None:
        assert pdu.reply(self.deliver(b"id:1 stat:DELIVRD", esm_class=4)) is None
