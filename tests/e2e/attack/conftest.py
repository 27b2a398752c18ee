from collections.abc import Iterator

import pytest

from local import running


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.House]:
    with running.house(tmp_path_factory.mktemp("house"), ready_seconds=900) as house:
        yield house
