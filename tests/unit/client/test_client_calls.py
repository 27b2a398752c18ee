"""What a call of the client gets by itself: a token, a key, a deadline, repetition, exceptions."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from crm.accounts.v1 import user_pb2, user_service_pb2
from crm.accounts.v1.user_service_pb2_grpc import ApiClientServiceStub
from crm.campaigns.v1 import run_pb2, run_service_pb2
from crm.campaigns.v1.run_service_pb2_grpc import RunServiceStub
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from crm.notifier.v1.message_service_pb2_grpc import MessageServiceStub

import mekong_client
from chassis import errors
from mekong_client import Client, Deadlines
from mekong_client.tokens import Tokens
from tests.unit.client.conftest import ENDS, FakeHouse

AWAY = errors.Unavailable("DATABASE_AWAY", "away")
CREATE = contact_service_pb2.CreateContactRequest(contact=contact_pb2.Contact(display_name="Đào"))
GET = contact_service_pb2.GetContactRequest(id="c1")


@pytest.fixture
def contacts(client: Client) -> Any:
    return client.stub(ContactServiceStub)


class TestToken:
    def test_one_is_asked_for_and_used_for_every_call(
        self, house: FakeHouse, contacts: Any
    ) -> None:
        house.answers["GetContact"] = contact_pb2.Contact(id="c1")

        for _ in range(3):
            contacts.GetContact(GET)

        (asked,) = house.named("IssueToken")
        assert (asked.request.client_id, asked.request.client_secret) == ("shop", "word")
        assert asked.request.audience == ["accounts", "campaigns", "leads"]
        assert "authorization" not in asked.metadata
        sent = {it.metadata["authorization"] for it in house.named("GetContact")}
        assert sent == {"Bearer token-1"}

    def test_it_asks_for_the_scope_it_was_told(
        self, house: FakeHouse, connect: Callable[..., Client]
    ) -> None:
        house.answers["GetContact"] = contact_pb2.Contact()

        connect(scope="contacts.read").stub(ContactServiceStub).GetContact(GET)

        assert house.named("IssueToken")[0].request.scope == "contacts.read"

    def test_it_is_renewed_a_minute_before_its_end(self, house: FakeHouse) -> None:
        now = [float(ENDS - 300)]
        with grpc.insecure_channel(house.address) as channel:
            tokens = Tokens(channel, "shop", "word", clock=lambda: now[0])

            first = tokens.get()
            now[0] = ENDS - 61.0
            still = tokens.get()
            now[0] = ENDS - 60.0

            assert (first, still, tokens.get()) == ("token-1", "token-1", "token-2")

    def test_a_call_whose_token_is_refused_is_made_once_more_with_another(
        self, house: FakeHouse, contacts: Any
    ) -> None:
        refused = errors.Unauthenticated("TOKEN_KEY_UNKNOWN", "the key was replaced")
        house.answers["GetContact"] = [refused, contact_pb2.Contact(id="c1")]

        assert contacts.GetContact(GET).id == "c1"
        assert [it.metadata["authorization"] for it in house.named("GetContact")] == [
            *("Bearer token-1", "Bearer token-2")
        ]

    def test_a_wrong_secret_is_told_as_such(self, house: FakeHouse, contacts: Any) -> None:
        house.answers["IssueToken"] = errors.Unauthenticated("SIGN_IN_REFUSED", "no")

        with pytest.raises(mekong_client.Unauthenticated) as refused:
            contacts.GetContact(GET)

        assert refused.value.reason == "SIGN_IN_REFUSED"
        assert house.named("GetContact") == []


class TestKey:
    def test_each_call_has_one_and_the_request_stays_as_it_was(
        self, house: FakeHouse, contacts: Any
    ) -> None:
        house.answers["CreateContact"] = contact_pb2.Contact(id="c1")

        for _ in range(2):
            contacts.CreateContact(CREATE)

        keys = [it.request.request_id for it in house.named("CreateContact")]
        assert all(keys)
        assert keys[0] != keys[1]
        assert CREATE.request_id == ""

    def test_one_that_is_given_is_sent(self, house: FakeHouse, contacts: Any) -> None:
        house.answers["CreateContact"] = contact_pb2.Contact(id="c1")

        contacts.CreateContact(contact_service_pb2.CreateContactRequest(request_id="order-7"))

        assert house.named("CreateContact")[0].request.request_id == "order-7"


class TestRepetition:
    def test_what_creates_is_repeated_with_the_same_key(
        self, house: FakeHouse, contacts: Any
    ) -> None:
        house.answers["CreateContact"] = [AWAY, AWAY, contact_pb2.Contact(id="c1")]

        assert contacts.CreateContact(CREATE).id == "c1"
        keys = {it.request.request_id for it in house.named("CreateContact")}
        assert len(house.named("CreateContact")) == 3
        assert len(keys) == 1

    def test_it_ends_and_says_what_was_away(self, house: FakeHouse, contacts: Any) -> None:
        house.answers["GetContact"] = AWAY

        with pytest.raises(mekong_client.Unavailable) as away:
            contacts.GetContact(GET, timeout=90)

        assert away.value.reason == "DATABASE_AWAY"
        assert len(house.named("GetContact")) == 5

    def test_what_would_act_twice_is_not_repeated(self, house: FakeHouse, client: Client) -> None:
        house.answers["RotateApiClientSecret"] = AWAY
        request = user_service_pb2.RotateApiClientSecretRequest(id="p1")

        with pytest.raises(mekong_client.Unavailable):
            client.stub(ApiClientServiceStub).RotateApiClientSecret(request)

        assert len(house.named("RotateApiClientSecret")) == 1

    def test_what_is_refused_is_not_repeated(self, house: FakeHouse, contacts: Any) -> None:
        house.answers["GetContact"] = errors.NotFound("RESOURCE_MISSING", "no such contact")

        with pytest.raises(mekong_client.NotFound):
            contacts.GetContact(GET)

        assert len(house.named("GetContact")) == 1


class TestDeadline:
    def test_every_call_has_one_and_a_shorter_may_be_given(
        self, house: FakeHouse, connect: Callable[..., Client]
    ) -> None:
        house.answers["GetContact"] = contact_pb2.Contact()
        contacts = connect(deadlines=Deadlines(call=70)).stub(ContactServiceStub)

        contacts.GetContact(GET)
        contacts.GetContact(GET, timeout=30)

        usual, shorter = (it.seconds_left for it in house.named("GetContact"))
        assert 40 < usual < 71
        assert shorter < 31


class TestError:
    def test_it_names_reason_fields_and_the_call(self, house: FakeHouse, contacts: Any) -> None:
        violation = errors.FieldViolation("contact.phones[0].number", "not a number")
        house.answers["CreateContact"] = errors.InvalidArgument(
            "FIELDS_INVALID", "some fields are not right", violations=[violation]
        )

        with pytest.raises(mekong_client.InvalidArgument) as refused:
            contacts.CreateContact(CREATE)

        error, (sent,) = refused.value, house.named("CreateContact")
        assert error.reason == "FIELDS_INVALID"
        assert [it.field for it in error.violations] == ["contact.phones[0].number"]
        assert error.request_id == sent.metadata["x-request-id"]
        assert error.idempotency_key == sent.request.request_id
        assert str(error).endswith("contact.phones[0].number: not a number")

    def test_it_says_when_to_come_back(self, house: FakeHouse, contacts: Any) -> None:
        house.answers["GetContact"] = errors.ResourceExhausted(
            "RATE_LIMITED", "too many", retry_after_seconds=2.5, limit=3
        )

        with pytest.raises(mekong_client.ResourceExhausted) as refused:
            contacts.GetContact(GET)

        assert refused.value.retry_after_seconds == 2.5
        assert refused.value.metadata == {"limit": "3"}

    def test_a_failure_without_details_is_one_too(self, house: FakeHouse, contacts: Any) -> None:
        with pytest.raises(mekong_client.MekongError) as failed:
            contacts.GetContact(GET)

        assert failed.value.code is grpc.StatusCode.INTERNAL
        assert (failed.value.reason, failed.value.retry_after_seconds) == ("", None)

    def test_one_in_the_middle_of_a_stream_comes_after_what_was_there(
        self, house: FakeHouse, client: Client
    ) -> None:
        ended = errors.Aborted("ETAG_STALE", "it changed")
        house.answers["WatchRun"] = lambda _: [run_pb2.Run(id="r"), ended]
        watched = client.stub(RunServiceStub).WatchRun(run_service_pb2.WatchRunRequest(id="r"))

        assert next(watched).id == "r"
        with pytest.raises(mekong_client.Aborted):
            next(watched)


class TestAddresses:
    def test_a_service_without_one_is_named(self, client: Client) -> None:
        with pytest.raises(LookupError, match="notifier"):
            client.stub(MessageServiceStub)

    def test_there_are_no_tokens_without_accounts(self) -> None:
        with pytest.raises(ValueError, match="accounts"):
            Client({"leads": "localhost:1"}, client_id="a", client_secret="b")


class TestLists:
    def test_items_of_every_page_come_in_turn_and_the_request_stays(
        self, house: FakeHouse, contacts: Any
    ) -> None:
        def page(request: Any) -> contact_service_pb2.ListContactsResponse:
            number = int(request.page_token or 0)
            made = contact_service_pb2.ListContactsResponse(
                contacts=[contact_pb2.Contact(id=f"{number}{it}") for it in "ab"]
            )
            made.next_page_token = str(number + 1) if number < 2 else ""
            return made

        house.answers["ListContacts"] = page
        request = contact_service_pb2.ListContactsRequest(query="dao", page_size=2)

        found = [it.id for it in mekong_client.items(contacts.ListContacts, request)]

        assert found == ["0a", "0b", "1a", "1b", "2a", "2b"]
        assert {it.request.query for it in house.named("ListContacts")} == {"dao"}
        assert request.page_token == ""

    def test_an_answer_with_several_lists_asks_which(self) -> None:
        answer = user_pb2.ApiClient()
        request = user_service_pb2.ListUsersRequest()
        with pytest.raises(TypeError, match="rights, secrets"):
            next(mekong_client.items(lambda *_, **__: answer, request))
