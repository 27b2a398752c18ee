"""Mails that come back are understood, whoever wrote them; garbage is nothing."""

import email.message

import pytest
from crm.notifier.v1 import inbound_service_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.channels import inbound
from services.notifier.domain.inbound import Complaint, Kind, Notice, Other, Report, notice_of
from services.notifier.domain.states import Reason
from tests.unit.notifier import inbound_parts as mails

ANYTHING = st.binary(max_size=300)
MAILS = st.sampled_from(
    [mails.postfix(), mails.exchange(), mails.exim(), mails.complaint(), mails.vacation()]
)


def the_notice(data: bytes) -> Notice:
    """The only notice of a report."""
    found = inbound.read(data)
    assert isinstance(found, Report)
    (notice,) = found.notices
    return notice


class TestNumbers:
    def test_kinds_are_those_of_the_contract(self) -> None:
        told = inbound_service_pb2.InboundMailKind.items()

        assert {it.name: it.value for it in Kind} == {
            name.removeprefix("INBOUND_MAIL_KIND_"): n for name, n in told if n
        }


class TestBounces:
    @pytest.mark.parametrize(
        ("mail", "reason"),
        [
            (mails.postfix(), Reason.ADDRESS_INVALID),
            (mails.exchange(), Reason.ADDRESS_INVALID),
            (mails.gmail(), Reason.MAILBOX_FULL),
            (mails.exim(), Reason.MAILBOX_DISABLED),
        ],
    )
    def test_each_server_is_understood(self, mail: bytes, reason: Reason) -> None:
        found = the_notice(mail)

        assert (found.kind, found.reason) == (Kind.BOUNCED, reason)
        assert mails.ADDRESS in found.addresses

    @pytest.mark.parametrize(
        ("status", "said", "reason"),
        [
            ("5.0.0", "550 5.7.1 spam", Reason.POLICY_REFUSED),
            ("5.1.1", "550 no such user", Reason.ADDRESS_INVALID),
            ("5.0.0", "550 looks like spam", Reason.PROVIDER_REFUSED),
            ("5.0.0", "550 relay not permitted", Reason.POLICY_REFUSED),
            ("5.4.4", "", Reason.ADDRESS_INVALID),
            ("5.6.0 (bad content)", "554 no", Reason.CONTENT_REFUSED),
            ("4.4.1", "connect to mail.example.vn: timed out", Reason.RETRIES_ENDED),
            ("4.2.2", "452 4.2.2 full", Reason.MAILBOX_FULL),
            ("4.7.1", "451 4.7.1 later", Reason.RETRIES_ENDED),
            ("", "550 5.2.1 closed", Reason.MAILBOX_DISABLED),
            ("nonsense", "more of it", Reason.RETRIES_ENDED),
        ],
    )
    def test_the_more_precise_of_status_and_answer_says_why(
        self, status: str, said: str, reason: Reason
    ) -> None:
        assert the_notice(mails.postfix(status, said)).reason is reason

    def test_one_that_says_nothing_has_no_reason(self) -> None:
        assert the_notice(mails.of_one("failed")).reason is Reason.NONE

    def test_the_detail_quotes_the_server(self) -> None:
        assert the_notice(mails.postfix()).detail == "5.1.1 550 5.1.1 <dao@example.vn>: unknown"

    def test_a_report_within_the_returned_mail_is_not_read(self) -> None:
        outer = email.message.EmailMessage()
        outer["Subject"] = "Fwd"
        outer.set_content("look at this")
        outer.add_attachment(email.message_from_bytes(mails.postfix()))  # type: ignore[arg-type]

        assert inbound.read(outer.as_bytes()) == Other(Kind.OTHER)

    def test_a_footer_around_a_report_is_no_trouble(self) -> None:
        outer = email.message.EmailMessage()
        outer.set_content("checked for viruses")
        outer.make_mixed()
        outer.attach(email.message_from_bytes(mails.postfix()))  # type: ignore[arg-type]

        assert the_notice(outer.as_bytes()).reason is Reason.ADDRESS_INVALID


class TestActions:
    @pytest.mark.parametrize(
        ("action", "kind"),
        [
            ("failed", Kind.BOUNCED),
            ("Failed (to mailbox)", Kind.BOUNCED),
            ("delivered", Kind.DELIVERED),
            ("delayed", Kind.DELAYED),
            ("relayed", Kind.DELAYED),
            ("expanded", Kind.DELAYED),
            ("whatever", Kind.DELAYED),
        ],
    )
    def test_each_has_its_kind(self, action: str, kind: Kind) -> None:
        found = the_notice(mails.of_one(action, "Status: 5.1.1"))

        assert found.kind is kind
        assert (found.reason is Reason.NONE) is (kind is not Kind.BOUNCED)

    def test_of_several_recipients_ours_counts(self) -> None:
        other = Notice(Kind.BOUNCED, frozenset({"other@example.vn"}), Reason.ADDRESS_INVALID)
        ours = Notice(Kind.DELAYED, frozenset({"dao@example.vn"}))

        assert notice_of([other, ours], "Dao@Example.vn") == ours
        assert notice_of([ours, other], "binh@example.vn") == other
        assert notice_of([], "binh@example.vn") is None


class TestComplaints:
    @pytest.mark.parametrize("original", ["message/rfc822", "text/rfc822-headers"])
    @pytest.mark.parametrize("last", ["A", "_", "-"])
    def test_one_names_its_mail_by_what_only_we_can_make(self, original: str, last: str) -> None:
        link = "A" * 71 + last

        found = inbound.read(mails.complaint(link=link, from_="<b-11@x>", original=original))

        assert found == Complaint("abuse", ("b-11@x", "b-00@mekong.localhost"), (link,))

    @pytest.mark.parametrize("what", ["not-spam", "auth-failure", "", "dmarc"])
    def test_other_feedback_is_none(self, what: str) -> None:
        assert inbound.read(mails.complaint(what=what)) == Other()


class TestOthers:
    def test_a_machines_answer_is_no_report(self) -> None:
        assert inbound.read(mails.vacation()) == Other(Kind.AUTOMATIC)

    @pytest.mark.parametrize(
        "header", ["Precedence: auto_reply", "X-Autoreply: yes", "Auto-Submitted: auto-generated"]
    )
    def test_machines_have_several_ways_to_say_so(self, header: str) -> None:
        assert inbound.read(f"{header}\n\nAway".encode()) == Other(Kind.AUTOMATIC)

    @pytest.mark.parametrize("mail", [b"", b"\n", b"Subject: Re: Chao\nAuto-Submitted: no\n\nHi"])
    def test_what_people_write_is_nothing(self, mail: bytes) -> None:
        assert inbound.read(mail) == Other()

    @given(ANYTHING)
    @settings(max_examples=60, deadline=None)
    def test_garbage_is_nothing(self, data: bytes) -> None:
        found = inbound.read(data)

        assert isinstance(found, Other)

    @given(MAILS, st.data())
    @settings(max_examples=60, deadline=None)
    def test_a_spoilt_mail_never_raises(self, mail: bytes, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(mail)))
        until = data.draw(st.integers(at, min(at + 60, len(mail))))
        spoilt = mail[:at] + data.draw(st.binary(max_size=20)) + mail[until:]

        assert inbound.read(spoilt) is not None

    def test_mails_nested_without_end_are_nothing(self) -> None:
        part = "Content-Type: multipart/mixed; boundary=a{0}\n\n--a{0}\n"

        for depth in (10, 150, 20_000):
            deep = "".join(part.format(each) for each in range(depth)).encode()
            assert inbound.read(deep + mails.postfix()) == Other()
