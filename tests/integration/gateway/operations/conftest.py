"""A whole house for each module that calls its operations, and what they need."""

import re
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import running
from tests.integration.gateway.operations.calls import Api, signed_in


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    # Somebody who is invited gets no mail: this house has no sender of that id.
    names = ("staff_sender_identity_id", "contact_email_identity_id")
    senders = [it for name in names for it in ("--set", f"accounts.{name}={uuid.uuid4()}")]
    with running.house(tmp_path_factory.mktemp("house"), *senders) as made:
        yield made


@pytest.fixture(scope="module")
def api(house: Any) -> Api:
    state = house.state
    made = Api(state["gateway_url"])
    secret = Path(state["client_secret_file"]).read_text().strip()
    body = {"client_id": state["client_id"], "client_secret": secret}
    token = made("IssueToken", body=body)["token"]
    made.identity = {"Authorization": f"Bearer {token}"}
    return made


@pytest.fixture
def person(api: Api, house: Any) -> Api:
    """The same as the first user, by the session of a browser."""
    cookie = signed_in(house).partition(";")[0]
    home = urllib.request.Request(house.state["gateway_url"], headers={"Cookie": cookie})  # noqa: S310
    page = urllib.request.urlopen(home).read().decode()  # noqa: S310
    found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', page)
    assert found is not None
    made = Api(house.state["gateway_url"])
    made.identity, made.called = {"Cookie": cookie, "X-CSRF-Token": found[1]}, api.called
    return made


@pytest.fixture(scope="module")
def advertiser(api: Api) -> Any:
    return api("CreateAdvertiser", body={"name": "Mekong", "postal_address": "1 Lê Lợi, Huế"})


@pytest.fixture(scope="module")
def sender(api: Api, advertiser: Any) -> Any:
    body = {
        "advertiser_id": advertiser["id"],
        "channel": "EMAIL",
        "address": "chao@mekong.example",
        "display_name": "Mekong",
    }
    return api("CreateSenderIdentity", body=body)


@pytest.fixture(scope="module")
def contact(api: Api) -> Any:
    body = {
        "family_name": "Nguyễn",
        "given_name": "Thị Đào",
        "phones": [{"number": "0912 345 678"}],
        "emails": [{"address": "dao@example.vn"}],
    }
    return api("CreateContact", body=body)
