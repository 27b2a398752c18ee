"""A browser of a customer, as tests of the portal use it."""

import re
from typing import Any

from flask.testing import FlaskClient

from services.gateway.portal.sessions import Customer

ID = "0192f3a0-0000-7000-8000-000000000001"
CUSTOMER = Customer("of-a-customer", "login", "contact", "Đào", "vi")


def shown(http: FlaskClient, path: str, status: int = 200) -> str:
    """The text of a page."""
    answer = http.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def sent(http: FlaskClient, path: str, **fields: str) -> Any:
    """The answer to a form that was filled and sent."""
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', shown(http, "/portal/erase"))
    assert token is not None
    return http.post(path, data={"csrf_token": token.group(1), "request_id": ID, **fields})
