"""What tests of the sign-in of customers share."""

from typing import Any

import pytest

from chassis import db
from services.accounts.config import Settings
from tests.integration.accounts import login_parts
from tests.integration.accounts.login_parts import Portal

PASSWORD, NEW = "a long password", "another long one"


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)
