"""API clients as the contract writes them."""

from collections.abc import Mapping
from datetime import datetime

from crm.accounts.v1 import user_pb2

from chassis.rpc import times
from services.accounts.domain import clients
from services.accounts.domain.people import ApiClient, ClientSecret
from services.accounts.messages import people

_STATES: Mapping[clients.State, "user_pb2.ApiClientState.ValueType"] = {
    clients.State.ACTIVE: user_pb2.API_CLIENT_STATE_ACTIVE,
    clients.State.EXPIRED: user_pb2.API_CLIENT_STATE_EXPIRED,
    clients.State.REVOKED: user_pb2.API_CLIENT_STATE_REVOKED,
}


def api_client(kept: ApiClient, now: datetime, secret: str = "") -> user_pb2.ApiClient:
    """Returns a client as it is at `now`; its secret only in the answer that made it."""
    return user_pb2.ApiClient(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        name=kept.name,
        rights=people.rights(kept.rights),
        secret=secret,
        active=kept.active,
        state=_STATES[clients.state(kept, now)],
        create_time=times.out(kept.create_time),
        last_use_time=times.out(kept.last_use_time),
        expire_time=times.out(kept.expire_time),
        requests_per_minute=kept.requests_per_minute,
        secrets=[_client_secret(it) for it in clients.good(kept, now)],
    )


def client_state(given: "user_pb2.ApiClientState.ValueType") -> clients.State | None:
    """Returns the state that a filter names, None for any."""
    return next((it for it, value in _STATES.items() if value == given), None)


def _client_secret(kept: ClientSecret) -> user_pb2.ApiClientSecret:
    return user_pb2.ApiClientSecret(
        create_time=times.out(kept.create_time),
        last_use_time=times.out(kept.last_use_time),
        expire_time=times.out(kept.expire_time),
    )
