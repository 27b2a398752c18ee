"""What tests of the sign-in of customers share: a peer that answers, and a browser."""

import time
from typing import Any

import pytest
from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from flask.testing import FlaskClient
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from chassis.errors import FieldViolation

ADDRESS = "lan@example.vn"
LINK = "/portal/welcome/of-a-message"
GIVEN = ("address", ADDRESS), ("password", "a long password"), ("how", "password")
LATE = errors.ResourceExhausted("RATE_LIMITED", "slow", retry_after_seconds=300)
AWAY = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="accounts")
REFUSED = errors.Unauthenticated("SIGN_IN_REFUSED", "no")


def soon(seconds: int = 300) -> Timestamp:
    return Timestamp(seconds=int(time.time()) + seconds)


def wrong(*names: str) -> errors.InvalidArgument:
    violations = [FieldViolation(it, "must have 12 to 200 characters") for it in names]
    return errors.InvalidArgument("FIELDS_INVALID", "no", violations=violations)


def signed_in() -> Any:
    return pb2.SignInContactResponse(session_secret="the secret", expire_time=soon())


def exchanged(**given: Any) -> Any:
    usual = {"id": "l1", "contact_id": "c1", "display_name": "Lan", "language": "vi"}
    return pb2.ExchangeContactSessionResponse(
        token="token-of-lan",
        expire_time=soon(),
        contact_login=contact_login_pb2.ContactLogin(**{**usual, **given}),
    )


@pytest.fixture
def browser(http: FlaskClient, peers: Any, gateway: Any) -> Any:
    """A browser of a customer who is signed in."""
    peers.answers["ExchangeContactSession"] = exchanged()
    secret = f"secret-{time.monotonic_ns()}"
    http.set_cookie("mekong-portal", secret)
    http.secret = secret  # type: ignore[attr-defined]
    sessions = gateway.extensions["gateway"].contact_sessions
    http.csrf = sessions.csrf_token(secret)  # type: ignore[attr-defined]
    return http
