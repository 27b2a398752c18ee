import uuid
from collections.abc import Iterator

import pytest

from local import running


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.House]:
    # A customer who is invited gets no mail: this house has no sender of that id.
    sender = f"accounts.contact_email_identity_id={uuid.uuid4()}"
    home = tmp_path_factory.mktemp("house")
    with running.house(home, "--set", sender, ready_seconds=900) as house:
        yield house
