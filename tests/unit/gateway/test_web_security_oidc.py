"""The part of the security page that says who one is at the OpenID provider."""

import re
import time
from typing import Any

import pytest
from crm.accounts.v1 import oidc_identity_pb2, oidc_service_pb2, second_factor_pb2
from flask.testing import FlaskClient
from google.protobuf import empty_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.web import words

FORM = 'action="/account/security/unlink"'
ONLY = errors.FailedPrecondition(
    "STATE_FORBIDS", "no", resource="oidc_identity", state="only_way_in", to="unlinked"
)
WRONG = errors.InvalidArgument(
    "FIELDS_INVALID", "no", violations=[FieldViolation("password", "is not right")]
)


def identity(*, linked: bool = True, only_way_in: bool = False) -> oidc_identity_pb2.OidcIdentity:
    since = Timestamp(seconds=int(time.time()) - 600) if linked else None
    return oidc_identity_pb2.OidcIdentity(
        user_id="u1", linked=linked, link_time=since, only_way_in=only_way_in
    )


@pytest.fixture
def http(newcomer: FlaskClient) -> FlaskClient:
    """A browser of a gateway that has not asked for the provider yet."""
    return newcomer


@pytest.fixture(autouse=True)
def house(signed_in: FlaskClient, peers: Any) -> None:
    peers.answers.update(
        GetSecondFactor=second_factor_pb2.SecondFactor(user_id="u1"),
        GetOidcProvider=oidc_service_pb2.GetOidcProviderResponse(label="Sông Hồng"),
        GetOidcIdentity=identity(),
        UnlinkOwnOidcIdentity=empty_pb2.Empty(),
    )


def shown(browser: FlaskClient, language: str = "en") -> str:
    return browser.get(f"/account/security?lang={language}").get_data(as_text=True)


def unlink(browser: FlaskClient, language: str = "en") -> Any:
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', shown(browser, language))
    assert found is not None
    data = {"csrf_token": found[1], "password": "a long password"}
    return browser.post("/account/security/unlink", data=data)


class TestShowing:
    @pytest.mark.parametrize("language", ["vi", "en"])
    def test_who_is_linked_is_offered_to_unlink_with_the_password(
        self, signed_in: FlaskClient, peers: Any, language: str
    ) -> None:
        page = shown(signed_in, language)

        assert words.text(language, "security.oidc", name="Sông Hồng") in page
        assert FORM in page
        assert 'id="unlink-password"' in page
        assert [call.request.id for call in peers.named("GetOidcIdentity")] == ["me"]

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (identity(linked=False), "security.oidc_off"),
            (identity(only_way_in=True), "security.oidc_only"),
        ],
        ids=["not linked", "only way in"],
    )
    def test_who_cannot_unlink_is_told_why(
        self, signed_in: FlaskClient, peers: Any, answer: Any, told: str
    ) -> None:
        peers.answers["GetOidcIdentity"] = answer

        page = shown(signed_in)

        assert words.text("en", told, name="Sông Hồng") in page
        assert FORM not in page

    def test_a_house_without_a_provider_shows_nothing_of_it(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetOidcProvider"] = oidc_service_pb2.GetOidcProviderResponse()

        assert 'id="oidc"' not in shown(signed_in)
        assert peers.named("GetOidcIdentity") == []


class TestUnlinking:
    def test_it_says_that_it_is_done(self, signed_in: FlaskClient, peers: Any) -> None:
        answer = unlink(signed_in)

        assert answer.headers["Location"] == "/account/security"
        assert peers.named("UnlinkOwnOidcIdentity")[0].request.password == "a long password"
        assert words.text("en", "security.oidc_unlinked") in shown(signed_in)

    def test_a_wrong_password_is_told_beside_it(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["UnlinkOwnOidcIdentity"] = WRONG

        answer = unlink(signed_in)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert 'id="unlink-password-wrong"' in page
        assert '<details class="unfold" open>' in page
        assert "a long password" not in page

    @pytest.mark.parametrize(
        ("refusal", "status", "told"),
        [
            (ONLY, 409, "security.oidc_only"),
            (errors.ResourceExhausted("RATE_LIMITED", "no"), 429, ""),
            (errors.Unavailable("DATABASE_AWAY", "no"), 503, ""),
        ],
        ids=["only way in", "too often", "away"],
    )
    def test_a_refusal_says_why(
        self, signed_in: FlaskClient, peers: Any, refusal: errors.Error, status: int, told: str
    ) -> None:
        peers.answers["UnlinkOwnOidcIdentity"] = refusal

        answer = unlink(signed_in)

        page = answer.get_data(as_text=True)
        assert answer.status_code == status
        assert 'role="alert"' in page
        assert not told or words.text("en", told) in page

    def test_a_form_of_another_site_unlinks_nobody(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        answer = signed_in.post("/account/security/unlink", data={"password": "p"})

        assert answer.status_code == 403
        assert peers.named("UnlinkOwnOidcIdentity") == []
