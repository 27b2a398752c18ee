"""Every operation of the REST API answers 2xx, in one house that all of them share."""

from typing import Any

from services.gateway.api.routes import ROUTES
from tests.integration.gateway.operations.accounts import TestAccounts
from tests.integration.gateway.operations.calendar import TestCalendar
from tests.integration.gateway.operations.calls import Api
from tests.integration.gateway.operations.campaigns import TestCampaigns
from tests.integration.gateway.operations.contact_files import TestContactFiles
from tests.integration.gateway.operations.leads import TestLeads
from tests.integration.gateway.operations.messages import TestMessages
from tests.integration.gateway.operations.refusals import TestRefusals

__all__ = [
    "TestAccounts",
    "TestCalendar",
    "TestCampaigns",
    "TestContactFiles",
    "TestEveryOperation",
    "TestLeads",
    "TestMessages",
    "TestRefusals",
]


class TestEveryOperation:
    def test_none_was_left_out(self, api: Api, sender: Any) -> None:
        assert {route.name for route in ROUTES} - api.called == set()
