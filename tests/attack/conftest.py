"""The gateway over scripted peers that answer whatever they are asked, as its own tests have it."""

from typing import Any

import pytest
from google.protobuf import descriptor_pool, message_factory

from services.gateway.stubs import STUBS
from tests.unit.gateway.conftest import (  # noqa: F401 (fixtures)
    gateway,
    http,
    issuer,
    make_gateway,
    peers,
    program,
    signed_in,
    stage,
    usual_gateway,
)


@pytest.fixture
def willing(peers: Any) -> Any:  # noqa: F811
    """Peers that answer every call of every service with an empty message, or an empty stream."""
    for service in STUBS:
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            empty = message_factory.GetMessageClass(method.output_type)()
            answer = (lambda *_: iter(())) if method.server_streaming else empty
            peers.answers.setdefault(method.name, answer)
    return peers
