"""Whatever is sent, the answer is a 2xx or a problem that names what is wrong: never a crash."""

from typing import Any

import pytest
from google.protobuf import message_factory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.gateway.api.requests import Reader
from services.gateway.api.routes import ROUTES
from services.gateway.api.table import PREFIX, Route

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
ROUTES_WITH_BODY = [route for route in ROUTES if route.body]
CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture
def willing(peers: Any) -> Any:
    """Peers that answer everything with an empty message."""
    for route in ROUTES:
        answer = message_factory.GetMessageClass(route.descriptor.output_type)()
        peers.answers[route.name] = answer if route.kind != "stream" else iter(())
    return peers


def body_of(route: Route) -> st.SearchStrategy[Any]:
    """Objects with the members that the route knows, holding anything, and some it does not."""
    model = Reader(route).body
    assert model is not None
    known = {name: JSON for name in model.model_fields}
    return st.fixed_dictionaries({}, optional={**known, "unknown": JSON})


def check(answer: Any) -> None:
    assert answer.status_code < 500, answer.get_data(as_text=True)
    if answer.status_code >= 400:
        problem = answer.get_json()
        assert problem["reason"] == "FIELDS_INVALID"
        assert problem["errors"]


class TestAnything:
    @pytest.mark.parametrize("route", ROUTES_WITH_BODY, ids=lambda route: route.name)
    @settings(max_examples=5, deadline=None, suppress_health_check=CHECKS)
    @given(data=st.data())
    def test_a_body_is_accepted_or_refused_by_name(
        self, program: Any, willing: Any, route: Route, data: Any
    ) -> None:
        path = route.path.format(**dict.fromkeys(route.parameters, "x"))
        body = data.draw(body_of(route) | JSON)

        check(program(route.method, path, json=body))

    @settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
    @given(
        query=st.dictionaries(
            st.sampled_from(["page_size", "page_token", "query", "kind", "statuses", "x"])
            | st.text(max_size=5),
            st.text(max_size=8),
            max_size=4,
        )
    )
    def test_a_query_is_accepted_or_refused_by_name(
        self, program: Any, willing: Any, query: dict[str, str]
    ) -> None:
        check(program("GET", "/contacts", query_string=query))

    @settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
    @given(raw=st.binary(max_size=40))
    def test_bytes_are_accepted_or_refused(self, program: Any, willing: Any, raw: bytes) -> None:
        check(program("POST", "/contacts", data=raw, content_type="application/json"))

    def test_a_deep_body_is_refused(self, program: Any, willing: Any) -> None:
        deep = b'{"conditions":[{"group":' * 5000

        answer = program(
            "POST",
            "/segments",
            data=b'{"name":"x","definition":' + deep,
            content_type="application/json",
        )

        assert answer.status_code == 400

    def test_a_deep_but_whole_body_ends_as_a_refusal_too(self, program: Any, willing: Any) -> None:
        deep = b'{"conditions":[{"group":' * 120 + b'{"conditions":[]}' + b"}]}" * 120

        answer = program(
            "POST",
            "/segments",
            data=b'{"name":"x","definition":' + deep + b"}",
            content_type="application/json",
        )

        assert answer.status_code == 400

    def test_every_address_is_below_the_prefix(self) -> None:
        assert all(route.rule.startswith(PREFIX) for route in ROUTES)
