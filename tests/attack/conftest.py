"""The gateway over scripted peers that answer whatever they are asked, as its own tests have it."""

import time
from typing import Any

import pytest
from crm.accounts.v1 import (
    contact_login_pb2,
    contact_login_service_pb2,
    session_service_pb2,
    user_pb2,
)
from google.protobuf import descriptor_pool, message_factory

from services.gateway.stubs import STUBS
from tests.attack.addresses import ID
from tests.attack.stuffed import PAYLOAD, stuffed
from tests.unit.gateway.conftest import (  # noqa: F401 (fixtures)
    gateway,
    http,
    issuer,
    make_gateway,
    peers,
    program,
    stage,
    usual_gateway,
)
from tests.unit.gateway.conftest import signed_in as staff_signed_in  # noqa: F401 (fixture)

# Made by interactions, each text in it escaped: tests/unit/interactions/test_proposals_press.py.
DOCUMENTS = frozenset({"html"})


@pytest.fixture
def signed_in(staff_signed_in: Any, peers: Any) -> Any:  # noqa: F811
    """A browser of somebody who is of the staff and a customer, so that every page is reached."""
    customer = contact_login_service_pb2.ExchangeContactSessionResponse(token="of-a-customer")
    customer.contact_login.MergeFrom(contact_login_pb2.ContactLogin(language="vi"))
    customer.expire_time.FromSeconds(int(time.time()) + 300)
    peers.answers["ExchangeContactSession"] = customer
    # One secret for both, so that the token of its forms fits either.
    staff_signed_in.set_cookie("mekong-portal", staff_signed_in.get_cookie("mekong").value)
    return staff_signed_in


@pytest.fixture
def willing(peers: Any) -> Any:  # noqa: F811
    """Peers that answer every call of every service with an empty message, or an empty stream."""
    for service in STUBS:
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            empty = message_factory.GetMessageClass(method.output_type)()
            answer = (lambda *_: iter(())) if method.server_streaming else empty
            peers.answers.setdefault(method.name, answer)
    return peers


@pytest.fixture
def harmful(peers: Any, signed_in: Any) -> Any:  # noqa: F811
    """Peers whose every answer is full of harm; returns the browser of who looks."""
    for service in STUBS:
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            made = message_factory.GetMessageClass(method.output_type)()
            answer = stuffed(made, DOCUMENTS)
            streams = method.server_streaming
            peers.answers[method.name] = (lambda *_, it=answer: iter([it])) if streams else answer
    session = session_service_pb2.ExchangeSessionResponse(
        token="of-a-person",
        user=user_pb2.User(id=ID, display_name=PAYLOAD, email=PAYLOAD, locale="en"),
    )
    session.expire_time.FromSeconds(int(time.time()) + 300)
    session.rights.add(resource="*", action="*", level=user_pb2.LEVEL_ALL)
    session.viewed_as.CopyFrom(user_pb2.Role(id=ID, name=PAYLOAD))
    peers.answers["ExchangeSession"] = session
    customer = contact_login_service_pb2.ExchangeContactSessionResponse(token="of-a-customer")
    customer.contact_login.MergeFrom(
        contact_login_pb2.ContactLogin(id=ID, contact_id=ID, display_name=PAYLOAD, language="en")
    )
    customer.expire_time.FromSeconds(int(time.time()) + 300)
    peers.answers["ExchangeContactSession"] = customer
    return signed_in
