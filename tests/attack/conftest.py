"""The gateway over scripted peers that answer whatever they are asked, as its own tests have it."""

import time
from typing import Any

import pytest
from crm.accounts.v1 import contact_login_pb2, contact_login_service_pb2
from google.protobuf import descriptor_pool, message_factory

from services.gateway.stubs import STUBS
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
