"""What a role hides is taken out of answers, and out of nothing else."""

import pytest
from crm.campaigns.v1 import run_pb2, run_service_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.notifier.v1 import doubt_service_pb2

from chassis.rpc.hiding import Hiding
from services import rights

PHONES, EMAILS = "contacts.phones", "contacts.emails"


def contact() -> contact_pb2.Contact:
    made = contact_pb2.Contact(id="c1", display_name="Đào", description="Gọi sau 17 giờ")
    made.phones.add(number="+84912345678")
    made.emails.add(address="dao@example.vn")
    made.birthday.day = 8
    return made


class TestAnAnswer:
    def test_without_what_is_hidden_keeps_everything_else(self) -> None:
        shown = Hiding(rights).answer(contact(), {PHONES, "contacts.birthday"})

        expected = contact()
        expected.ClearField("phones")
        expected.ClearField("birthday")
        assert shown == expected

    def test_the_one_that_was_given_stays_as_it_is(self) -> None:
        given = contact()

        Hiding(rights).answer(given, {PHONES})

        assert given == contact()

    def test_it_is_cleared_however_deep_it_lies(self) -> None:
        listed = contact_service_pb2.ListContactsResponse(contacts=[contact(), contact()])
        doubts = doubt_service_pb2.ListDoubtsResponse()
        doubts.doubts.add().message.address = "+84912345678"
        hiding = Hiding(rights)

        cleared = hiding.answer(listed, {EMAILS})
        told = hiding.answer(doubts, {PHONES})

        assert [len(it.emails) for it in cleared.contacts] == [0, 0]  # type: ignore[attr-defined]
        assert told.doubts[0].message.address == ""  # type: ignore[attr-defined]

    def test_what_has_several_names_is_hidden_under_each(self) -> None:
        listed = run_service_pb2.ListRecipientsResponse()
        listed.recipients.add(address="dao@example.vn", state=run_pb2.RECIPIENT_STATE_ACCEPTED)
        hiding = Hiding(rights)

        for name in (PHONES, EMAILS):
            shown = hiding.answer(listed, {name})
            (recipient,) = shown.recipients  # type: ignore[attr-defined]
            assert recipient.address == ""
            assert recipient.state == run_pb2.RECIPIENT_STATE_ACCEPTED

    def test_without_anything_guarded_is_the_same_one(self) -> None:
        given = contact_service_pb2.GetContactRequest(id="c1")

        assert Hiding(rights).answer(given, {PHONES, EMAILS}) is given


class TestAName:
    @pytest.mark.parametrize("name", ["+84912345678", "0912 345 678", "dao@example.vn", "dao@exa"])
    def test_that_is_an_address_is_hidden_as_addresses_are(self, name: str) -> None:
        listed = contact_service_pb2.ListContactsResponse()
        for each in (name, "Đào"):
            listed.contacts.add(display_name=each, company="Đào & con")
        hiding = Hiding(rights)

        for hidden in (PHONES, EMAILS):
            shown = hiding.answer(listed, {hidden}).contacts  # type: ignore[attr-defined]
            assert [it.display_name for it in shown] == ["", "Đào"]
            assert {it.company for it in shown} == {"Đào & con"}

    @pytest.mark.parametrize("name", ["Đào", "An 1990", "Cty 247", "7-Eleven", "A @ B", ""])
    def test_that_is_a_name_stays(self, name: str) -> None:
        given = contact_pb2.Contact(display_name=name)

        assert Hiding(rights).answer(given, {PHONES, EMAILS}) == given

    def test_stays_where_no_address_is_hidden(self) -> None:
        given = contact_pb2.Contact(display_name="+84912345678")

        assert Hiding(rights).answer(given, {"contacts.birthday"}) == given
