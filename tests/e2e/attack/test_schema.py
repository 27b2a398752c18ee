"""No request that the description of the API allows breaks it, by whichever operation.

`MEKONG_EXAMPLES` says how many requests each operation gets: a few in `make test`, 50 in
`make fuzz`. That each operation can be done at all, each with a 2xx, is shown by
tests/integration/gateway/operations/test_every_operation.py.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.running import House
from services.accounts.usecases.keyring import Keyring
from services.gateway.api import described
from services.gateway.api.routes import ROUTES
from tests.e2e.attack.reach_parts import Caller, things
from tests.e2e.test_role_matrix import Somebody
from tests.roles import ROLES

EXAMPLES = int(os.environ.get("MEKONG_EXAMPLES", "3"))
SECONDS = 60.0
# A token lasts for 300 seconds.
FRESH_SECONDS = 200.0
# What is there is deleted last.
ORDER = ("get", "post", "put", "patch", "delete")

pytestmark = pytest.mark.timeout(120 + 10 * EXAMPLES)


def operations() -> list[Any]:
    """Every operation of the description, those that delete at the end."""
    schema = schemathesis.openapi.from_dict(described.document())
    found = [it.ok() for it in schema.get_all_operations()]
    return sorted(found, key=lambda it: ORDER.index(it.method.lower()))


OPERATIONS = operations()


class Fuzzer:
    """Sends requests as somebody who may do everything, and remembers what was done."""

    def __init__(self, url: str, sign: Callable[[], str], made: dict[str, str]) -> None:
        self.reached: set[str] = set()
        self._url = url
        self._sign = sign
        self._made = made
        self._token, self._since = "", 0.0
        self._session = requests.Session()
        self._session.trust_env = False

    def aim(self, case: Any) -> None:
        """Have a request be about something that is there, if there is one of its kind."""
        kind = case.operation.path.removeprefix("/api/v1/").split("/")[0].partition(":")[0]
        for name in case.path_parameters or {}:
            case.path_parameters[name] = self._made.get(kind, self._made["contacts"])

    def send(self, case: Any) -> tuple[int, str]:
        """Send one; returns the status, and of a failure what it says."""
        if time.monotonic() - self._since > FRESH_SECONDS:
            self._token, self._since = self._sign(), time.monotonic()
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": str(uuid.uuid4())}
        given = case.as_transport_kwargs(base_url=self._url, headers=headers)
        with self._session.request(**given, timeout=SECONDS, stream=True) as answer:
            if answer.status_code < 300:
                self.reached.add(case.operation.label)
            return answer.status_code, answer.text if answer.status_code >= 500 else ""

    def close(self) -> None:
        self._session.close()


@pytest.fixture(scope="module")
def fuzzer(house: House, keyring: Keyring) -> Iterator[Fuzzer]:
    url = house.state["gateway_url"]
    admin = Caller(url, Somebody(house, keyring, ROLES["admin"]).token)
    (role,) = [it for it in admin("ListRoles")["roles"] if it["name"] == "admin"]
    email = f"fuzz-{uuid.uuid4()}@mekong.example"
    person = {"email": email, "display_name": "Fuzz", "role_id": role["id"]}
    user = admin("CreateUser", {"user": person, "password": str(uuid.uuid4())})

    def sign() -> str:
        return Somebody(house, keyring, ROLES["admin"], sub=user["id"]).token

    made = Fuzzer(url, sign, things(Caller(url, sign()), admin))
    yield made
    made.close()


class TestEveryOperation:
    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.label)
    def test_no_request_breaks_it(self, fuzzer: Fuzzer, operation: Any) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=EXAMPLES < 50,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), aims=st.booleans())
        def attempt(case: Any, aims: bool) -> None:
            if aims:
                fuzzer.aim(case)

            status, told = fuzzer.send(case)

            assert status < 500, told

        attempt()

    def test_all_are_described(self) -> None:
        assert len(OPERATIONS) == len(ROUTES)

    def test_many_were_done(self, fuzzer: Fuzzer) -> None:
        assert len(fuzzer.reached) > len(OPERATIONS) / 3, sorted(fuzzer.reached)
