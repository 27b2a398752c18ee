"""Staff see who of the customers may sign in, add them, and shut them out."""

from typing import Any

import pytest
from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2
from flask.testing import FlaskClient
from google.protobuf import empty_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.web_parts import sent

LOGIN = "01980000-0000-7000-8000-00000000a001"
CONTACT = "01980000-0000-7000-8000-00000000c001"
LIST, ONE = "/logins?lang=en", f"/logins/{LOGIN}?lang=en"
STATES = contact_login_pb2.ContactLoginState


def login(state: str = "ACTIVE", **given: Any) -> Any:
    usual = {
        "id": LOGIN,
        "etag": "7",
        "contact_id": CONTACT,
        "display_name": "Lan <b>",
        "channel": contact_login_pb2.LOGIN_CHANNEL_SMS,
        "address": "+84912345678",
        "state": STATES.Value(f"CONTACT_LOGIN_STATE_{state}"),
        "invite_time": Timestamp(seconds=1_700_000_000),
    }
    return contact_login_pb2.ContactLogin(**{**usual, **given})


def listed(*logins: Any, token: str = "") -> Any:
    return pb2.ListContactLoginsResponse(contact_logins=logins, next_page_token=token)


def known(*, phone: str = "+84912345678", email: str = "") -> dict[str, Any]:
    """What leads answers about the contact, who is reached there now."""
    phones = [contact_pb2.Phone(number=phone, valid=True)] if phone else []
    emails = [contact_pb2.Email(address=email, valid=True)] if email else []
    contact = contact_pb2.Contact(id=CONTACT, phones=phones, emails=emails)
    found = contact_service_pb2.BatchGetContactsResponse(contacts=[contact])
    return {"BatchGetContacts": found}


@pytest.fixture
def browser(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    peers.answers.update(ListContactLogins=listed(login()), GetContactLogin=login(), **known())
    return signed_in


class TestTheList:
    def test_it_shows_state_and_last_sign_in(self, browser: FlaskClient) -> None:
        page = browser.get(LIST).get_data(as_text=True)

        assert "Lan &lt;b&gt;" in page
        assert "Active" in page
        assert "Never" in page

    def test_filters_are_passed_on(self, browser: FlaskClient, peers: Any) -> None:
        browser.get("/logins?q= lan &state=disabled&page=t")

        request = peers.named("ListContactLogins")[0].request
        assert (request.query, request.page_token) == ("lan", "t")
        assert list(request.states) == [STATES.CONTACT_LOGIN_STATE_DISABLED]

    def test_a_short_page_leads_on(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["ListContactLogins"] = listed(token="more")

        assert "page=more" in browser.get(LIST).get_data(as_text=True)

    @pytest.mark.parametrize(
        ("query", "said"), [("", "No customer can sign in yet"), ("&q=x", "No login is like that")]
    )
    def test_an_empty_one_says_so(
        self, browser: FlaskClient, peers: Any, query: str, said: str
    ) -> None:
        peers.answers["ListContactLogins"] = listed()

        assert said in browser.get(f"{LIST}{query}").get_data(as_text=True)

    def test_what_keeps_a_login_from_working_is_said(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        problem = contact_login_pb2.CONTACT_LOGIN_PROBLEM_NOT_SENT
        peers.answers["ListContactLogins"] = listed(login("INVITED", problem=problem))

        assert "The invitation could not be sent" in browser.get(LIST).get_data(as_text=True)


class TestAdding:
    GIVEN = (
        ("family_name", "Lê"),
        ("phones[0].number", "0912345678"),
        ("emails[0].address", "dao@example.vn"),
        ("channel", "sms"),
    )

    def test_customer_and_login_are_asked_for_in_one_call(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        peers.answers["CreateContactWithLogin"] = contact_pb2.Contact(id=CONTACT)

        answer = sent(browser, "/logins/new", **dict(self.GIVEN))

        assert answer.headers["Location"] == f"/contacts/{CONTACT}"
        request = peers.named("CreateContactWithLogin")[0].request
        assert request.channel == contact_pb2.CHANNEL_SMS
        assert request.contact.kind == contact_pb2.CONTACT_KIND_CUSTOMER
        assert request.contact.phones[0].number == "0912345678"
        assert list(request.contact.owner_ids) == ["u1"]
        assert request.request_id

    def test_what_is_refused_is_named_at_its_field_with_all_that_was_typed(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        violations = [
            FieldViolation("channel", "the contact has no such address"),
            FieldViolation("contact.phones[0].number", "is no phone number"),
        ]
        peers.answers["CreateContactWithLogin"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=violations
        )

        answer = sent(browser, "/logins/new", **dict(self.GIVEN))

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert 'id="channel-wrong"' in page
        assert "dao@example.vn" in page

    def test_the_empty_form_asks_for_a_channel(self, browser: FlaskClient) -> None:
        assert 'name="channel"' in browser.get("/logins/new").get_data(as_text=True)

    @pytest.mark.parametrize(("channel", "call"), [("email", "WithLogin"), ("", "")])
    def test_the_form_of_a_contact_may_invite(
        self, browser: FlaskClient, peers: Any, channel: str, call: str
    ) -> None:
        made = contact_pb2.Contact(id=CONTACT)
        peers.answers.update(CreateContact=made, CreateContactWithLogin=made)

        sent(browser, "/contacts/new", family_name="Lê", channel=channel)

        assert [it.method for it in peers.calls if "Create" in it.method] == [
            f"CreateContact{call}"
        ]

    def test_a_contact_is_let_in_from_their_page(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["CreateContactLogin"] = login("INVITED")

        answer = sent(browser, f"/contacts/{CONTACT}/login", channel="email")

        assert answer.headers["Location"] == f"/contacts/{CONTACT}"
        request = peers.named("CreateContactLogin")[0].request
        assert (request.contact_id, request.channel) == (
            CONTACT,
            contact_login_pb2.LOGIN_CHANNEL_EMAIL,
        )


class TestDeeds:
    @pytest.mark.parametrize(
        ("deed", "method"),
        [
            ("invite", "InviteContact"),
            ("disable", "DisableContactLogin"),
            ("enable", "EnableContactLogin"),
        ],
    )
    def test_each_goes_back_to_where_its_button_was(
        self, browser: FlaskClient, peers: Any, deed: str, method: str
    ) -> None:
        peers.answers[method] = login()
        given = {"etag": "7", "next": f"/contacts/{CONTACT}", "channel": "sms"}

        answer = sent(browser, f"/logins/{LOGIN}/{deed}", **given)

        assert answer.headers["Location"] == f"/contacts/{CONTACT}"
        request = peers.named(method)[0].request
        assert (request.id, request.etag) == (LOGIN, "7")

    def test_no_way_leads_out_of_here(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["DisableContactLogin"] = login()

        answer = sent(browser, f"/logins/{LOGIN}/disable", next="//evil.example")

        assert answer.headers["Location"] == "/"

    def test_a_deleted_one_leads_to_the_list(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["DeleteContactLogin"] = empty_pb2.Empty()

        assert sent(browser, f"/logins/{LOGIN}/delete").headers["Location"] == "/logins"

    @pytest.mark.parametrize(
        ("deed", "method"), [("invite", "InviteContact"), ("delete", "DeleteContactLogin")]
    )
    def test_what_is_refused_is_told(
        self, browser: FlaskClient, peers: Any, deed: str, method: str
    ) -> None:
        peers.answers[method] = errors.FailedPrecondition("STATE_FORBIDS", "no")

        answer = sent(browser, f"/logins/{LOGIN}/{deed}")

        assert answer.status_code == 409
        assert "Its state does not allow this" in answer.get_data(as_text=True)

    @pytest.mark.parametrize(
        ("state", "offered", "not_offered"),
        [
            ("INVITED", ["invite", "disable"], ["enable", "delete"]),
            ("ACTIVE", ["disable"], ["invite", "enable", "delete"]),
            ("DISABLED", ["enable", "delete"], ["invite", "disable"]),
        ],
    )
    def test_a_page_offers_what_may_be_done(
        self,
        browser: FlaskClient,
        peers: Any,
        state: str,
        offered: list[str],
        not_offered: list[str],
    ) -> None:
        peers.answers["GetContactLogin"] = login(state)

        page = browser.get(ONE).get_data(as_text=True)

        assert all(f"/logins/{LOGIN}/{it}" in page for it in offered)
        assert not any(f"/logins/{LOGIN}/{it}" in page for it in not_offered)
        assert "0912 345 678" in page

    def test_another_invitation_goes_by_the_same_channel_unless_another_is_chosen(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        peers.answers.update(GetContactLogin=login("INVITED"), **known(email="lan@example.vn"))

        page = browser.get(ONE).get_data(as_text=True)

        assert '<option value="sms" selected>' in page
        assert '<option value="email">' in page

    @pytest.mark.parametrize(
        ("reached", "offered"),
        [
            ({"phone": "+84987654321"}, ["sms"]),
            ({"email": "lan@example.vn"}, ["email"]),
            ({"phone": ""}, []),
        ],
        ids=["another number", "an e-mail address besides", "nowhere"],
    )
    def test_who_signs_in_is_invited_only_to_where_they_do_not(
        self, browser: FlaskClient, peers: Any, reached: dict[str, str], offered: list[str]
    ) -> None:
        peers.answers.update(known(**reached))

        page = browser.get(ONE).get_data(as_text=True)

        assert [it for it in ("email", "sms") if f'<option value="{it}"' in page] == offered

    def test_who_lost_the_address_is_invited_to_the_new_one_and_not_let_in_by_the_old(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        changed = contact_login_pb2.CONTACT_LOGIN_PROBLEM_ADDRESS_CHANGED
        peers.answers["GetContactLogin"] = login("DISABLED", problem=changed)

        page = browser.get(ONE).get_data(as_text=True)

        assert f"/logins/{LOGIN}/invite" in page
        assert f"/logins/{LOGIN}/enable" not in page
        assert "does not have this address any more" in page
