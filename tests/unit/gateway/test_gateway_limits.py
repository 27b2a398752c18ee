"""How many requests a caller of the REST API may make, by a clock that tests turn."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from crm.leads.v1 import contact_service_pb2
from hypothesis import given
from hypothesis import strategies as st

from chassis.context import Principal
from services.gateway.bearers import Bearer, Bearers
from services.gateway.quotas import Buckets
from tests.integration.serving import TestKeys


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestBucket:
    def test_a_minutes_requests_may_come_at_once_and_then_one_at_a_time(self, clock: Clock) -> None:
        buckets = Buckets(clock=clock)

        left = [buckets.take("shop", 3).left for _ in range(3)]
        refused = buckets.take("shop", 3)
        clock.now += 20
        again, then = buckets.take("shop", 3), buckets.take("shop", 3)

        assert left == [2, 1, 0]
        assert refused.wait_seconds == pytest.approx(20)
        assert again.wait_seconds is None
        assert then.wait_seconds == pytest.approx(20)

    def test_who_is_refused_waits_no_longer_for_having_asked(self, clock: Clock) -> None:
        buckets = Buckets(clock=clock)
        waits = [buckets.take("shop", 1).wait_seconds for _ in range(100)]

        assert waits[0] is None
        assert waits[-1] == pytest.approx(60)

    def test_each_has_a_bucket_of_its_own(self, clock: Clock) -> None:
        buckets = Buckets(clock=clock)
        buckets.take("shop", 1)

        assert buckets.take("till", 1).wait_seconds is None
        assert buckets.take("shop", 1).wait_seconds is not None

    def test_it_remembers_no_more_than_it_is_told_to(self, clock: Clock) -> None:
        buckets = Buckets(most=3, clock=clock)
        buckets.take("busy", 2)
        for number in range(50):
            buckets.take("busy", 1_000)
            buckets.take(f"address/{number}", 2)

        assert len(buckets) == 3
        assert buckets.take("busy", 1_000).left < 990

    @given(
        st.integers(1, 10_000),
        st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=400),
    )
    def test_in_no_minute_are_there_more_than_twice_the_limit(
        self, limit: int, pauses: list[float]
    ) -> None:
        clock, taken = Clock(), []
        buckets = Buckets(clock=clock)
        for pause in pauses:
            clock.now += pause
            if buckets.take("shop", limit).wait_seconds is None:
                taken.append(clock.now)

        for began in taken:
            assert sum(began <= it < began + 60 for it in taken) <= 2 * limit

    def test_headers_say_policy_and_what_is_left(self, clock: Clock) -> None:
        quota = Buckets(clock=clock).take("shop", 120)

        assert quota.headers("default") == {
            "RateLimit-Policy": '"default";q=120;w=60',
            "RateLimit": '"default";r=119;t=1',
        }


class Told(Bearers):
    """Knows whose each token is without any keys."""

    def __init__(self, **bearers: Bearer) -> None:
        super().__init__("http://nowhere")
        self._bearers = bearers

    def of(self, token: str) -> Bearer | None:
        return self._bearers.get(token)


@pytest.fixture
def limited(make_gateway: Callable[..., Any], peers: Any, clock: Clock) -> Any:
    """A caller of the API whose tokens are known: two of one program, and a service's."""
    peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse()
    made = make_gateway(api_requests_per_minute=2)
    limits = made.extensions["gateway"].limits
    shop, house = Bearer("shop", "client", 3), Bearer("demo", "service", None)
    limits.bearers = Told(first=shop, second=shop, house=house)
    limits.buckets = Buckets(clock=clock)
    http = made.test_client()

    def call(token: str, path: str = "/contacts", address: str = "127.0.0.1") -> Any:
        return http.get(
            f"/api/v1{path}",
            headers={"Authorization": f"Bearer {token}"},
            environ_overrides={"REMOTE_ADDR": address},
        )

    return call


class TestApi:
    def test_a_programs_tokens_share_its_own_limit(self, limited: Any) -> None:
        answers = [limited(token) for token in ("first", "second", "first", "second")]

        assert [it.status_code for it in answers] == [200, 200, 200, 429]
        assert [it.headers["RateLimit"][:13] for it in answers] == [
            *('"default";r=2', '"default";r=1', '"default";r=0', '"default";r=0')
        ]
        assert answers[0].headers["RateLimit-Policy"] == '"default";q=3;w=60'

    def test_who_is_refused_is_told_when_to_come_back(self, limited: Any, clock: Clock) -> None:
        for _ in range(3):
            limited("first")

        refused = limited("first")
        clock.now += int(refused.headers["Retry-After"])

        problem = refused.get_json()
        assert refused.mimetype == "application/problem+json"
        assert (problem["reason"], problem["metadata"]) == ("RATE_LIMITED", {"limit": "3"})
        assert limited("first").status_code == 200

    def test_tokens_of_nobody_count_by_their_address(self, limited: Any, peers: Any) -> None:
        answers = [limited(token) for token in ("rubbish", "garbage", "x")]

        assert [it.status_code for it in answers] == [200, 200, 429]
        assert len(peers.calls) == 2
        assert limited("first").status_code == 200

    def test_a_network_of_ipv6_counts_as_one(self, limited: Any) -> None:
        places = ["2::1", "2::2", "2::3", "3::1"]
        codes = [limited("x", address=f"2001:db8:1:{it}").status_code for it in places]

        assert codes == [200, 200, 429, 200]

    def test_services_of_the_house_are_not_counted(self, limited: Any) -> None:
        answers = [limited("house") for _ in range(10)]

        assert {it.status_code for it in answers} == {200}
        assert "RateLimit" not in answers[0].headers

    def test_an_answer_that_fails_says_it_too(self, limited: Any) -> None:
        answer = limited("first", "/contacts?page_size=x")

        assert answer.status_code == 400
        assert answer.headers["RateLimit"].startswith('"default";r=2')


@pytest.fixture
def published() -> Iterator[Any]:
    """An issuer whose key set is what the test puts there; it counts who asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked += 1  # type: ignore[attr-defined]
            body = server.body  # type: ignore[attr-defined]
            self.send_response(200 if body else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.body = 0, b""
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class TestBearers:
    def test_it_knows_a_token_of_the_issuer_until_it_ends(self, published: Any) -> None:
        issuer = _Issuer()
        published.body, clock = issuer.published(), Clock()
        clock.now = time.time()
        bearers = Bearers(published.url, clock=clock)
        token = issuer.token(clock.now + 60, rpm=7)

        known = bearers.of(token), bearers.of(token)
        clock.now += 61

        assert known == (Bearer("shop", "client", 7),) * 2
        assert bearers.of(token) is None

    def test_what_another_signed_or_nobody_is_nobodys(self, published: Any) -> None:
        published.body, stranger = _Issuer().published(), _Issuer()
        bearers = Bearers(published.url)

        for token in (stranger.token(time.time() + 60), "rubbish", "a.b.c", ""):
            assert bearers.of(token) is None

    def test_keys_that_cannot_be_had_are_not_asked_for_at_each_request(
        self, published: Any
    ) -> None:
        issuer, clock = _Issuer(), Clock()
        clock.now = time.time()
        bearers, token = Bearers(published.url, clock=clock), issuer.token(clock.now + 60)

        for _ in range(5):
            assert bearers.of(token) is None
        asked, published.body = published.asked, issuer.published()
        clock.now += 6

        assert asked == 1
        assert bearers.of(token) == Bearer("shop", "client", None)


class _Issuer:
    """A key of its own, its publication, and tokens of the program `shop`."""

    def __init__(self) -> None:
        self._keys = TestKeys()

    def token(self, expires: float, **claims: Any) -> str:
        return self._keys.token(Principal("shop", "client"), "leads", exp=int(expires), **claims)

    def published(self) -> bytes:
        key = self._keys._key.as_dict(private=False)
        return json.dumps({"keys": [key]}).encode()
