"""Between the domain and its protobuf form."""

from datetime import datetime

from crm.accounts.v1 import session_service_pb2
from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(time: datetime | None) -> Timestamp | None:
    """Returns the protobuf form of a time."""
    if time is None:
        return None
    made = Timestamp()
    made.FromDatetime(time)
    return made


def issued(token: str, expire_time: datetime) -> session_service_pb2.IssueTokenResponse:
    """Returns a token as IssueToken answers it."""
    return session_service_pb2.IssueTokenResponse(token=token, expire_time=timestamp(expire_time))
