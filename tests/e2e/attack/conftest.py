import uuid
from collections.abc import Iterator

import pytest

from local import running
from services.accounts.usecases.keyring import Keyring
from tests import customers


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.House]:
    changed = (
        # A customer who is invited gets no mail: this house has no sender of that id.
        *("--set", f"accounts.contact_email_identity_id={uuid.uuid4()}"),
        *("--set", "gateway.api_requests_per_minute=1000000"),
        # A password check gives way to all that runs beside it, and has no more than its deadline.
        *("--set", "accounts.argon2_memory_kib=1024", "--set", "accounts.argon2_passes=1"),
    )
    with running.house(tmp_path_factory.mktemp("house"), *changed, ready_seconds=900) as house:
        yield house


@pytest.fixture(scope="session")
def keyring(house: running.House) -> Keyring:
    """The signing keys of this house, which are others than those of the other tests' house."""
    return customers.keyring(house)
