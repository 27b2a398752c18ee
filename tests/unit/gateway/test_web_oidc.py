"""Signing in at a provider: there, back, and what is told when nothing comes of it."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from crm.accounts.v1 import oidc_service_pb2, session_pb2, session_service_pb2
from flask.testing import FlaskClient
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from services.gateway.languages import Language
from services.gateway.web import words

AWAY = "https://id.example/auth?state=s1"
BACK = "/sign-in/oidc/callback"
CHECKS = ("code", "form", "signature", "issuer", "audience", "nonce", "expired", "subject")
WHYS = ("unknown", "unverified", "domain", "inactive", "other")


def soon() -> Timestamp:
    return Timestamp(seconds=int(time.time()) + 300)


def begun() -> Any:
    return oidc_service_pb2.BeginOidcSignInResponse(
        authorization_url=AWAY, state="s1", expire_time=soon()
    )


def session() -> Any:
    return session_service_pb2.SignInResponse(
        session_secret="the secret", session=session_pb2.Session(id="x", expire_time=soon())
    )


@pytest.fixture
def http(newcomer: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of a house with a provider."""
    peers.answers.update(
        GetOidcProvider=oidc_service_pb2.GetOidcProviderResponse(label="Sông Hồng"),
        BeginOidcSignIn=begun(),
        CompleteOidcSignIn=session(),
    )
    return newcomer


@pytest.fixture
def waiting(http: FlaskClient) -> FlaskClient:
    """A browser that is at the provider, for the page of contacts."""
    http.get("/sign-in/oidc?next=/contacts?kind=lead")
    return http


class TestButton:
    @pytest.mark.parametrize(
        ("language", "text"), [("vi", "Đăng nhập bằng Sông Hồng"), ("en", "Sign in with Sông Hồng")]
    )
    def test_a_house_with_a_provider_has_one(
        self, http: FlaskClient, language: str, text: str
    ) -> None:
        page = http.get(f"/sign-in?lang={language}&next=/contacts").get_data(as_text=True)

        assert text in page
        assert 'href="/sign-in/oidc?next=/contacts"' in page

    @pytest.mark.parametrize(
        "answer",
        [oidc_service_pb2.GetOidcProviderResponse(), errors.Unavailable("DATABASE_AWAY", "no")],
        ids=["none", "accounts is away"],
    )
    def test_another_has_none(self, newcomer: FlaskClient, peers: Any, answer: Any) -> None:
        peers.answers["GetOidcProvider"] = answer

        page = newcomer.get("/sign-in?lang=en")

        assert page.status_code == 200
        assert "/sign-in/oidc" not in page.get_data(as_text=True)

    def test_it_is_asked_for_once(self, http: FlaskClient, peers: Any) -> None:
        for _ in range(3):
            http.get("/sign-in")

        assert len(peers.named("GetOidcProvider")) == 1


class TestGoing:
    def test_the_browser_is_sent_there_bound_by_a_cookie(self, http: FlaskClient) -> None:
        answer = http.get("/sign-in/oidc?next=/contacts")

        assert answer.status_code == 303
        assert answer.headers["Location"] == AWAY
        (cookie,) = answer.headers.getlist("Set-Cookie")
        assert cookie.startswith("mekong-oidc=s1.")
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie

    def test_another_site_sends_nobody(self, http: FlaskClient, peers: Any) -> None:
        answer = http.get("/sign-in/oidc", headers={"Sec-Fetch-Site": "cross-site"})

        assert answer.headers["Location"] == "/sign-in"
        assert peers.named("BeginOidcSignIn") == []

    def test_a_provider_that_is_away_is_told(self, http: FlaskClient, peers: Any) -> None:
        peers.answers["BeginOidcSignIn"] = errors.Unavailable("PEER_UNAVAILABLE", "no", peer="oidc")

        answer = http.get("/sign-in/oidc?lang=en")

        assert answer.status_code == 503
        assert "Sông Hồng does not answer" in answer.get_data(as_text=True)
        assert http.get_cookie("mekong-oidc") is None

    def test_a_house_without_one_shows_its_own_page(self, http: FlaskClient, peers: Any) -> None:
        peers.answers["BeginOidcSignIn"] = errors.NotFound("RESOURCE_MISSING", "no")

        assert http.get("/sign-in/oidc").headers["Location"] == "/sign-in"

    def test_it_is_begun_at_a_bounded_rate(
        self, make_gateway: Callable[..., Any], peers: Any
    ) -> None:
        peers.answers["BeginOidcSignIn"] = begun()
        http = make_gateway(sign_in_per_minute=2).test_client()

        assert [http.get("/sign-in/oidc").status_code for _ in range(3)] == [303, 303, 429]


class TestComingBack:
    def test_it_signs_in_and_goes_on_to_the_page_asked_for(
        self, waiting: FlaskClient, peers: Any
    ) -> None:
        answer = waiting.get(f"{BACK}?state=s1&code=c&iss=https://id.example")

        assert answer.headers["Location"] == "/contacts?kind=lead"
        asked = peers.last.request
        assert (asked.state, asked.code, asked.issuer) == ("s1", "c", "https://id.example")
        assert peers.last.metadata["authorization"].startswith("Bearer own-")
        secret, gone = waiting.get_cookie("mekong"), waiting.get_cookie("mekong-oidc")
        assert secret is not None
        assert "the secret" in secret.value
        assert gone is None

    def test_a_challenge_leads_to_the_page_for_the_code(
        self, waiting: FlaskClient, peers: Any
    ) -> None:
        peers.answers["CompleteOidcSignIn"] = session_service_pb2.SignInResponse(
            challenge="the challenge", challenge_expire_time=soon()
        )

        answer = waiting.get(f"{BACK}?state=s1&code=c")

        assert answer.headers["Location"] == "/sign-in/code?next=/contacts?kind%3Dlead"
        assert waiting.get_cookie("mekong-step") is not None
        assert waiting.get_cookie("mekong") is None

    @pytest.mark.parametrize(
        "query", ["state=another&code=c", "code=c", "state=&code=c", "state=%C3%A9&code=c"]
    )
    def test_what_another_browser_began_is_refused(
        self, waiting: FlaskClient, peers: Any, query: str
    ) -> None:
        answer = waiting.get(f"{BACK}?lang=en&{query}")

        assert answer.status_code == 401
        assert "begun in another window" in answer.get_data(as_text=True)
        assert peers.named("CompleteOidcSignIn") == []
        assert waiting.get_cookie("mekong") is None

    def test_a_browser_that_began_nothing_is_refused(self, http: FlaskClient, peers: Any) -> None:
        """Login CSRF: somebody else's answer in this browser."""
        answer = http.get(f"{BACK}?state=s1&code=c")

        assert answer.status_code == 401
        assert peers.named("CompleteOidcSignIn") == []

    @pytest.mark.parametrize(
        "elsewhere", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:1"]
    )
    def test_it_never_leads_to_another_site(
        self, http: FlaskClient, peers: Any, elsewhere: str
    ) -> None:
        http.get(f"/sign-in/oidc?next={quote(elsewhere, safe='')}")
        first = http.get(f"{BACK}?state=s1&code=c").headers["Location"]
        http.set_cookie("mekong-oidc", f"s1.{quote(elsewhere, safe='')}")
        second = http.get(f"{BACK}?state=s1&code=c").headers["Location"]

        assert (first, second) == ("/", "/")


class TestRefusals:
    def told(self, waiting: FlaskClient, peers: Any, refused: errors.Error, language: str) -> Any:
        peers.answers["CompleteOidcSignIn"] = refused
        answer = waiting.get(f"{BACK}?lang={language}&state=s1&code=c")
        assert waiting.get_cookie("mekong") is None
        assert waiting.get_cookie("mekong-oidc") is None
        assert 'id="password"' in answer.get_data(as_text=True)
        return answer

    @pytest.mark.parametrize("language", ["vi", "en"])
    @pytest.mark.parametrize("check", CHECKS)
    def test_each_answer_that_is_not_right_is_told_apart(
        self, waiting: FlaskClient, peers: Any, check: str, language: Language
    ) -> None:
        refused = errors.Unauthenticated("OIDC_ANSWER_INVALID", "no", check=check)

        answer = self.told(waiting, peers, refused, language)

        assert answer.status_code == 401
        what = words.text(language, f"sign_in.oidc_check_{check}")
        assert what in answer.get_data(as_text=True)

    @pytest.mark.parametrize("language", ["vi", "en"])
    @pytest.mark.parametrize("why", WHYS)
    def test_each_stranger_is_told_why(
        self, waiting: FlaskClient, peers: Any, why: str, language: Language
    ) -> None:
        refused = errors.PermissionDenied("OIDC_PERSON_REFUSED", "no", why=why)

        answer = self.told(waiting, peers, refused, language)

        assert answer.status_code == 403
        said = words.text(language, f"sign_in.oidc_{why}", name="Sông Hồng")
        assert said in answer.get_data(as_text=True)

    @pytest.mark.parametrize(
        ("refused", "status", "vi", "en"),
        [
            (
                errors.Unauthenticated("OIDC_DENIED", "no", error="access_denied"),
                401,
                "Sông Hồng không cho bạn đăng nhập",
                "Sông Hồng did not sign you in",
            ),
            (
                errors.Unauthenticated("OIDC_STATE_ENDED", "no"),
                401,
                "đã quá thời gian",
                "took too long",
            ),
            (
                errors.Unavailable("PEER_UNAVAILABLE", "no", peer="oidc"),
                503,
                "Sông Hồng hiện chưa phản hồi",
                "Sông Hồng does not answer",
            ),
            (
                errors.Unavailable("DATABASE_AWAY", "no"),
                503,
                "Hiện chưa đăng nhập được",
                "Signing in does not work right now",
            ),
            (
                errors.ResourceExhausted("RATE_LIMITED", "no", retry_after_seconds=300),
                429,
                "chờ 5 phút",
                "wait 5 min",
            ),
        ],
        ids=["denied", "late", "provider away", "accounts away", "too often"],
    )
    def test_the_rest_is_told_too(
        self,
        waiting: FlaskClient,
        peers: Any,
        refused: errors.Error,
        status: int,
        vi: str,
        en: str,
    ) -> None:
        answer = self.told(waiting, peers, refused, "vi")

        assert answer.status_code == status
        assert vi in answer.get_data(as_text=True)
        waiting.get("/sign-in/oidc")
        assert en in self.told(waiting, peers, refused, "en").get_data(as_text=True)

    def test_what_the_provider_says_is_shown_as_nothing_but_text(
        self, waiting: FlaskClient, peers: Any
    ) -> None:
        evil = "<script>alert(1)</script>"
        refused = errors.Unauthenticated("OIDC_ANSWER_INVALID", "no", check=evil)

        page = self.told(waiting, peers, refused, "en").get_data(as_text=True)

        assert evil not in page
