"""Who is signed in with scripted peers."""

import re
import time
from typing import Any

import pytest
from crm.accounts.v1 import contact_login_service_pb2, session_service_pb2, user_pb2
from crm.interactions.v1 import agenda_service_pb2, follow_up_service_pb2, note_service_pb2
from crm.leads.v1 import contact_pb2, source_service_pb2
from flask.testing import FlaskClient

from chassis import errors

ID = "0192f3a0-0000-7000-8000-000000000001"


@pytest.fixture
def signed_in(http: FlaskClient, peers: Any) -> FlaskClient:
    """A browser with a session of somebody who may do everything."""
    session = session_service_pb2.ExchangeSessionResponse(
        token="of-a-person", user=user_pb2.User(id="u1", display_name="Lan", locale="en")
    )
    session.expire_time.FromSeconds(int(time.time()) + 300)
    session.rights.add(resource="*", action="*", level=user_pb2.LEVEL_ALL)
    peers.answers.update(
        ExchangeSession=session,
        ListSources=source_service_pb2.ListSourcesResponse(),
        ListLifeStages=source_service_pb2.ListLifeStagesResponse(),
        ListContactLogins=contact_login_service_pb2.ListContactLoginsResponse(),
        ListUsers=errors.PermissionDenied("RIGHT_MISSING", "no"),
        ListTimeline=note_service_pb2.ListTimelineResponse(),
        ListFollowUps=follow_up_service_pb2.ListFollowUpsResponse(),
        BatchGetStandings=agenda_service_pb2.BatchGetStandingsResponse(),
        GetContact=contact_pb2.Contact(
            id=ID, display_name="Đào <b>Hoa</b>", kind=contact_pb2.CONTACT_KIND_LEAD, etag="7"
        ),
    )
    http.set_cookie("mekong", f"secret-{time.monotonic_ns()}")
    return http


def csrf_token(http: FlaskClient, path: str) -> str:
    page = http.get(path).get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
    assert found is not None
    return found.group(1)
