"""Pages of API clients."""

import re
from typing import Any

import pytest
from crm.accounts.v1 import user_pb2
from crm.accounts.v1 import user_service_pb2 as pb2
from flask.testing import FlaskClient
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from tests.unit.gateway.web_parts import ID, sent, shown

SECRET = "pKq3-a-secret-that-is-shown-once"
AT = Timestamp(seconds=1_780_000_000)


def client(**changed: Any) -> user_pb2.ApiClient:
    """A program with a secret in use, whose one before lives on for a while."""
    given: dict[str, Any] = {
        "id": ID,
        "etag": "4",
        "name": "Web shop",
        "active": True,
        "state": user_pb2.API_CLIENT_STATE_ACTIVE,
        "requests_per_minute": 90,
        "last_use_time": AT,
        "secrets": [
            user_pb2.ApiClientSecret(create_time=AT, last_use_time=AT),
            user_pb2.ApiClientSecret(create_time=AT, expire_time=AT),
        ],
    }
    made = user_pb2.ApiClient(**{**given, **changed})
    made.rights.add(resource="contacts", action="read", level=user_pb2.LEVEL_TEAM)
    return made


@pytest.fixture
def browser(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of an administrator of a house with two programs."""
    old = client(id="p2", name="Máy cũ", active=False, state=user_pb2.API_CLIENT_STATE_REVOKED)
    old.ClearField("last_use_time")
    peers.answers.update(
        ListApiClients=pb2.ListApiClientsResponse(api_clients=[client(), old]),
        GetApiClient=client(),
        CreateApiClient=client(secret=SECRET),
        UpdateApiClient=client(),
        RotateApiClientSecret=client(secret=SECRET),
        RevokeApiClient=old,
    )
    return signed_in


class TestList:
    def test_it_says_state_last_use_and_end(self, browser: FlaskClient) -> None:
        page = shown(browser, "/api-clients")

        assert "Web shop" in page
        assert re.search(r"badge[^>]*>Revoked<", page)
        assert "Never" in page
        assert page.count("No end") == 2

    def test_it_is_filtered(self, browser: FlaskClient, peers: Any) -> None:
        page = shown(browser, "/api-clients?query=shop&state=expired")

        request = peers.named("ListApiClients")[-1].request
        assert (request.query, request.state) == ("shop", user_pb2.API_CLIENT_STATE_EXPIRED)
        assert 'value="expired" selected' in page

    def test_it_is_in_the_menu(self, browser: FlaskClient) -> None:
        assert 'href="/api-clients"' in shown(browser, "/support")


class TestForm:
    def test_a_new_one_is_shown_its_secret_once(self, browser: FlaskClient, peers: Any) -> None:
        answer = sent(
            browser,
            "/api-clients/new",
            **{"name": "Web shop", "contacts.read": "team", "segments.read": "all"},
            expire_time="2030-01-02T03:04",
            requests_per_minute="90",
        )

        made = peers.named("CreateApiClient")[-1].request.api_client
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert f'value="{SECRET}"' in page
        assert 'data-copy="client-secret"' in page
        assert answer.headers["Cache-Control"] == "no-store"
        assert (made.name, made.requests_per_minute) == ("Web shop", 90)
        assert made.expire_time.ToJsonString() == "2030-01-01T20:04:00Z"
        assert [(it.resource, it.action, it.level) for it in made.rights] == [
            ("contacts", "read", user_pb2.LEVEL_TEAM),
            ("segments", "read", user_pb2.LEVEL_ALL),
        ]
        assert SECRET not in shown(browser, f"/api-clients/{ID}")

    def test_what_is_no_time_or_number_is_named_and_nothing_is_asked(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        answer = sent(
            browser,
            "/api-clients/new",
            name="Web shop",
            expire_time="soon",
            requests_per_minute="many",
        )

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert 'id="expire_time-wrong"' in page
        assert 'id="requests_per_minute-wrong"' in page
        assert 'value="Web shop"' in page
        assert peers.named("CreateApiClient") == []

    def test_what_the_service_refuses_is_at_its_input(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        violation = errors.FieldViolation(
            "api_client.requests_per_minute", "must be 0 to 1,000,000"
        )
        peers.answers["CreateApiClient"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[violation]
        )

        answer = sent(browser, "/api-clients/new?lang=vi", requests_per_minute="9999999")

        assert "Phải từ 0 đến 1,000,000" in answer.get_data(as_text=True)

    def test_one_is_changed_as_a_whole_but_not_over_a_newer(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        page = shown(browser, f"/api-clients/{ID}")
        assert 'name="etag" value="4"' in page
        assert re.search(r'name="contacts.read".*?value="team" selected', page, re.DOTALL)

        changed = sent(browser, f"/api-clients/{ID}", name="Till", etag="4")
        request = peers.named("UpdateApiClient")[-1].request
        peers.answers["UpdateApiClient"] = errors.Aborted("ETAG_STALE", "x", resource="api_client")
        stale = sent(browser, f"/api-clients/{ID}", name="Till", etag="3")

        assert changed.status_code == 303
        assert (request.api_client.id, request.api_client.etag) == (ID, "4")
        assert set(request.update_mask.paths) == {
            *("name", "expire_time", "requests_per_minute", "rights")
        }
        assert stale.status_code == 412
        assert "alert-warning" in stale.get_data(as_text=True)

    def test_a_revoked_one_can_only_be_read(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["GetApiClient"] = client(active=False)

        page = shown(browser, f"/api-clients/{ID}")

        assert "was revoked" in page
        assert "<select" not in page
        assert f"/api-clients/{ID}/rotate" not in page

    def test_one_that_is_not_there_is_404(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["GetApiClient"] = errors.NotFound("RESOURCE_MISSING", "no such api_client")

        shown(browser, f"/api-clients/{ID}", status=404)


class TestSecret:
    @pytest.mark.parametrize(
        ("lifetime", "seconds"), [("day", 86_400), ("month", 2_592_000), ("none", 0), ("x", 86_400)]
    )
    def test_a_new_one_is_shown_and_the_old_one_lives_as_chosen(
        self, browser: FlaskClient, peers: Any, lifetime: str, seconds: int
    ) -> None:
        answer = sent(browser, f"/api-clients/{ID}/rotate", etag="4", lifetime=lifetime)

        request = peers.named("RotateApiClientSecret")[-1].request
        assert f'value="{SECRET}"' in answer.get_data(as_text=True)
        assert (request.id, request.etag) == (ID, "4")
        assert request.HasField("old_secret_lifetime")
        assert request.old_secret_lifetime.seconds == seconds

    def test_one_that_was_rotated_meanwhile_is_not_again(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        peers.answers["RotateApiClientSecret"] = errors.Aborted("ETAG_STALE", "x", resource="c")

        answer = sent(browser, f"/api-clients/{ID}/rotate", etag="3", lifetime="day")

        page = answer.get_data(as_text=True)
        assert answer.status_code == 412
        assert "changed in the meantime" in page
        assert 'value="Web shop"' in page

    def test_it_is_revoked_after_a_question(self, browser: FlaskClient, peers: Any) -> None:
        assert "gets no token any more" in shown(browser, f"/api-clients/{ID}")

        answer = sent(browser, f"/api-clients/{ID}/revoke")

        assert peers.named("RevokeApiClient")[-1].request.id == ID
        assert answer.headers["Location"].endswith("/api-clients")
