"""Replies are told apart by their enhanced codes: the address, the mailbox, the content, policy."""

import pytest

from services.notifier.channels.smtp import meaning
from services.notifier.channels.smtp.meaning import Step
from services.notifier.channels.smtp.replies import Replies
from services.notifier.domain.states import Reason, Result, Verdict


def result(line: str, step: Step = "RCPT") -> Result:
    """What a line means in answer to a step."""
    collected = Replies()
    collected.data_received(line.encode() + b"\r\n")
    reply = collected.take()
    assert reply is not None
    return meaning.result(reply, step)


REFUSED = {
    "550 5.1.1 nobody": Reason.ADDRESS_INVALID,
    "550 5.1.2 no such host": Reason.ADDRESS_INVALID,
    "553 5.1.3 bad syntax": Reason.ADDRESS_INVALID,
    "550 5.1.6 has moved": Reason.ADDRESS_INVALID,
    "556 5.1.10 null MX": Reason.ADDRESS_INVALID,
    "550 5.4.1 access denied": Reason.ADDRESS_INVALID,
    "550 5.4.4 no route": Reason.ADDRESS_INVALID,
    "550 nobody": Reason.ADDRESS_INVALID,
    "550 relay not permitted": Reason.POLICY_REFUSED,
    "550 Relaying denied": Reason.POLICY_REFUSED,
    "551 elsewhere": Reason.ADDRESS_INVALID,
    "553 no": Reason.ADDRESS_INVALID,
    "556 takes no mail": Reason.ADDRESS_INVALID,
    "550 5.2.1 disabled": Reason.MAILBOX_DISABLED,
    "552 5.2.2 over quota": Reason.MAILBOX_FULL,
    "552 full": Reason.MAILBOX_FULL,
    "552 5.2.3 too long for it": Reason.CONTENT_REFUSED,
    "552 5.3.4 too big": Reason.CONTENT_REFUSED,
    "554 5.6.0 a virus": Reason.CONTENT_REFUSED,
    "550 5.7.1 policy": Reason.POLICY_REFUSED,
    "550 5.7.26 unauthenticated": Reason.POLICY_REFUSED,
    "554 5.7.9 whatever comes": Reason.POLICY_REFUSED,
    "450 5.7.1 contradicts itself": Reason.POLICY_REFUSED,
    "550 5.1.8 sender's domain": Reason.PROVIDER_REFUSED,
    "550 5.3.0 system": Reason.PROVIDER_REFUSED,
    "501 5.5.4 arguments": Reason.PROVIDER_REFUSED,
    "554 no": Reason.PROVIDER_REFUSED,
    "550 5.99.99 not known yet": Reason.PROVIDER_REFUSED,
}
BUSY = {
    "451 4.3.0 later": Reason.PROVIDER_BUSY,
    "451 later": Reason.PROVIDER_BUSY,
    "450 4.2.1 busy": Reason.PROVIDER_BUSY,
    "452 4.2.2 full": Reason.MAILBOX_FULL,
    "452 full": Reason.MAILBOX_FULL,
    "452 4.3.1 no space": Reason.PROVIDER_BUSY,
    "452 4.5.3 too many": Reason.THROTTLED,
    "421 4.7.28 unusual rate": Reason.THROTTLED,
    "421 4.4.2 going down": Reason.PROVIDER_BUSY,
    "421 going down": Reason.PROVIDER_BUSY,
    "421 4.3.2 not now": Reason.PROVIDER_BUSY,
    "450 4.2.1 receiving mail at a rate that prevents": Reason.THROTTLED,
    "421 too many connections": Reason.THROTTLED,
    "451 4.7.1 Greylisting in action": Reason.GREYLISTED,
    "450 4.2.0 Greylisted, see the help": Reason.GREYLISTED,
    "451 grey-listed": Reason.GREYLISTED,
    "530 5.7.0 authentication required": Reason.PROVIDER_BUSY,
    "530 must issue STARTTLS": Reason.PROVIDER_BUSY,
    "535 5.7.8 bad credentials": Reason.PROVIDER_BUSY,
}


class TestMeaning:
    @pytest.mark.parametrize(("line", "reason"), REFUSED.items())
    def test_a_refusal_has_its_reason(self, line: str, reason: Reason) -> None:
        assert result(line) == Result(Verdict.REFUSED, line, reason)

    @pytest.mark.parametrize(("line", "reason"), BUSY.items())
    def test_what_may_pass_is_tried_again(self, line: str, reason: Reason) -> None:
        assert result(line) == Result(Verdict.BUSY, line, reason)

    def test_a_server_that_contradicts_itself_means_its_code(self) -> None:
        assert result("554 4.7.1 no").verdict is Verdict.REFUSED

    def test_nothing_at_mail_is_said_of_the_recipient(self) -> None:
        for line in ("550 5.1.1 nobody", "550 nobody", "552 5.2.2 full", "550 5.2.1 disabled"):
            assert result(line, "MAIL").reason is Reason.PROVIDER_REFUSED

    def test_codes_without_detail_speak_of_the_recipient_at_rcpt_only(self) -> None:
        assert result("550 spam", "DATA").reason is Reason.PROVIDER_REFUSED
        assert result("550 5.1.1 nobody", "DATA").reason is Reason.ADDRESS_INVALID

    def test_good_is_taken(self) -> None:
        assert result("250 2.0.0 ok").verdict is Verdict.TAKEN
