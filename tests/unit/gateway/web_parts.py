"""Messages, doubts and pages, as tests of the web interface make and read them."""

import re
from typing import Any

from crm.notifier.v1 import (
    doubt_pb2,
    message_pb2,
)
from flask.testing import FlaskClient

from chassis import errors

ID = "0192f3a0-0000-7000-8000-000000000001"


RUN = "0192f3a0-0000-7000-8000-000000000002"


CAMPAIGN = "0192f3a0-0000-7000-8000-000000000003"


AWAY = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="notifier")


PARTIAL = {"HX-Request": "true"}


def message(**given: Any) -> message_pb2.Message:
    """A message with an attempt whose answer was lost."""
    made = message_pb2.Message(
        **{
            "id": ID,
            "run_id": RUN,
            "channel": message_pb2.CHANNEL_SMS,
            "purpose": message_pb2.PURPOSE_MARKETING,
            "address": "+84912345678",
            "state": message_pb2.MESSAGE_STATE_IN_DOUBT,
            "reason": "ANSWER_LOST",
            "revision": 3,
            **given,
        }
    )
    made.create_time.FromSeconds(1_700_000_000)
    attempt = made.attempts.add(number=1, provider="smpp", worker="w1", answer="<closed>")
    attempt.outcome = message_pb2.MESSAGE_STATE_IN_DOUBT
    attempt.start_time.FromSeconds(1_700_000_001)
    return made


def doubt() -> doubt_pb2.Doubt:
    """A doubt with its evidence."""
    made = doubt_pb2.Doubt(
        message=message(),
        etag="3",
        written=True,
        teller=doubt_pb2.DOUBT_TELLER_RECEIPT,
        policy=doubt_pb2.DOUBT_ACT_ABANDONED,
        campaign_id=CAMPAIGN,
    )
    made.doubt_time.FromSeconds(1_700_000_002)
    made.policy_time.FromSeconds(1_700_086_402)
    return made


def shown(http: FlaskClient, path: str, status: int = 200, **given: Any) -> str:
    """The text of a page."""
    answer = http.get(path, **given)
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def sent(http: FlaskClient, path: str, **fields: str | list[str]) -> Any:
    """The answer to a form that was filled and sent."""
    token = re.search(r'name="csrf-token" content="([0-9a-f]+)"', shown(http, "/support"))
    assert token is not None
    return http.post(path, data={"csrf_token": token.group(1), "request_id": ID, **fields})
