"""What answers of SMTP and SMPP servers mean, and how long a lease lets one write."""

import time
import uuid
from datetime import date

import pytest
import smpp34

from services.notifier.channels.line import Line
from services.notifier.channels.smpp import pdu
from services.notifier.channels.smpp.bind import Submission
from services.notifier.channels.smtp import replies
from services.notifier.domain.states import State, Verdict
from services.notifier.domain.work import Key, Outgoing, Prepared
from services.notifier.workers.leases import Leases
from tests.unit.notifier.domain_parts import claimed


def outgoing(parts: int = 1, number: int = 1, **of: object) -> Outgoing:
    """A message with an open attempt."""
    message = claimed(key=Key(date(2026, 11, 21), uuid.UUID(int=9)), **of)
    prepared = Prepared(message, "MEKONG", b"", (b"x",) * parts, 0, False, 1, 1, 1e18)
    return Outgoing(prepared, number)


class TestReplies:
    def test_lines_may_come_in_any_pieces(self) -> None:
        collected = replies.Replies()
        for byte in b"250-a\r\n250-b c\r\n250 d\r\n354 go\r\n":
            collected.data_received(bytes([byte]))

        first, second = collected.take(), collected.take()

        assert first == replies.Reply(250, ("a", "b c", "d"))
        assert second == replies.Reply(354, ("go",))
        assert collected.take() is None

    @pytest.mark.parametrize("data", [b"hello\r\n", b"x" * 9000])
    def test_what_is_no_reply_ends_the_session(self, data: bytes) -> None:
        collected = replies.Replies()

        collected.data_received(data)

        assert collected.lost


class TestSubmission:
    @pytest.mark.parametrize(
        ("statuses", "verdict"),
        [
            ([0, 0], Verdict.TAKEN),
            ([0, -1], Verdict.UNKNOWN),
            ([0x58, 0x58], Verdict.BUSY),
            ([0x58, 0x0B], Verdict.REFUSED),
            ([0, 0x0B], Verdict.REFUSED),
            ([-1, 0x0B], Verdict.UNKNOWN),
        ],
    )
    def test_the_parts_answers_mean_one_verdict(
        self, statuses: list[int | None], verdict: Verdict
    ) -> None:
        submission = Submission(outgoing(parts=2))
        submission.statuses = statuses

        assert submission.result().verdict is verdict

    def test_only_parts_refused_for_now_are_written_again(self) -> None:
        submission = Submission(outgoing(parts=3))
        submission.statuses = [0, 0x58, 0]
        assert submission.again() == [1]

        submission.statuses = [0, 0x58, 0x0B]
        assert submission.again() == []

        submission.statuses = [0x58, 0x58, 0x58]
        assert submission.again() == []


class TestReceipts:
    @pytest.mark.parametrize(
        ("stat", "state"),
        [("DELIVRD", State.DELIVERED), ("UNDELIV", State.BOUNCED), ("EXPIRED", State.BOUNCED)],
    )
    def test_an_end_is_read_from_the_text(self, stat: str, state: State) -> None:
        text = f"id:00AF sub:001 dlvrd:001 submit date:1 done date:2 stat:{stat} err:000 text:"
        raw = smpp34.DeliverSm("84", "M", text.encode(), esm_class=4).encode()

        receipt = pdu.receipt(raw, "same")

        assert receipt is not None
        assert (receipt.reference, receipt.state) == ("af", state)

    def test_what_is_no_end_is_not_a_receipt(self) -> None:
        text = b"id:1 stat:ENROUTE err:000"

        assert pdu.receipt(smpp34.DeliverSm("84", "M", text, esm_class=4).encode(), "same") is None
        assert pdu.receipt(smpp34.DeliverSm("84", "M", b"STOP").encode(), "same") is None

    def test_ids_meet_in_whatever_form_they_come(self) -> None:
        assert pdu.canonical("00AF") == "af"
        assert pdu.canonical("175", "receipt_decimal") == pdu.canonical("AF")
        assert pdu.canonical("AF", "receipt_hex") == pdu.canonical("175")
        assert pdu.canonical("not hex", "receipt_hex") == "not hex"
        assert pdu.canonical("0000") == "0"


class TestLeases:
    def test_nothing_is_written_after_a_lease_or_by_an_older_attempt(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = 1000.0
        monkeypatch.setattr(time, "clock_gettime", lambda _: clock)
        leases = Leases(30.0)
        leases.take(1, None, 1, asked_at=clock)
        leases.open(outgoing(number=2))

        assert leases.holds(outgoing(number=2))
        assert not leases.holds(outgoing(number=1))
        clock = 1027.9
        assert leases.holds(outgoing(number=2))
        clock = 1028.1
        assert not leases.holds(outgoing(number=2))

    def test_a_word_on_an_older_attempt_frees_nothing(self) -> None:
        leases = Leases(30.0)
        leases.take(1, None, 1, asked_at=time.clock_gettime(time.CLOCK_BOOTTIME))
        leases.open(outgoing(number=2))

        assert leases.closing([outgoing(number=1)]) == []

    def test_a_claim_ends_with_the_last_of_its_messages(self) -> None:
        leases = Leases(30.0)
        leases.take(1, None, 2, asked_at=time.clock_gettime(time.CLOCK_BOOTTIME))
        first = outgoing()
        leases.open(first)

        assert leases.finished_by([first.claimed]) == []
        leases.leave([first.claimed])

        assert leases.finished_by([first.claimed]) == [1]
        leases.leave([first.claimed])
        assert leases.claims() == []

    def test_one_whose_commit_was_not_answered_is_never_finished(self) -> None:
        leases = Leases(30.0)
        leases.take(1, None, 1, asked_at=time.clock_gettime(time.CLOCK_BOOTTIME))
        leases.abandon([outgoing().claimed])

        assert not leases.is_sure(outgoing().claimed)
        assert leases.finished_by([outgoing().claimed]) == []


class TestTheLine:
    def test_what_belongs_to_no_run_is_taken_before_all_that_does(self) -> None:
        line = Line()
        bulk, urgent = outgoing(number=1), outgoing(number=2, run_id=None)
        line.add(bulk)
        line.add(urgent)

        taken = [line.take(), line.take(), line.take()]

        assert taken == [urgent, bulk, None]

    def test_what_is_put_back_is_next(self) -> None:
        line = Line()
        first, second = outgoing(number=1), outgoing(number=2)
        line.add(second)
        line.put_back(first)

        assert len(line) == 2
        assert line.take() == first
